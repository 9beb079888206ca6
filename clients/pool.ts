/**
 * All connections of a client and the calls that wait for room on one. A call goes to the ready connection with the
 * fewest in flight; when none has room it waits in one bounded queue, first come, first served. It knows neither ops nor
 * outcomes.
 */
import { LIMITS } from '../protocol/limits.ts';
import type { RequestName } from '../protocol/ops.ts';
import type { Reply } from '../protocol/reply.ts';
import type { Runtime } from '../protocol/runtime.ts';
import { type AnyCall, Call, type CallHost, type CallOptions } from './call.ts';
import { Chain } from './chain.ts';
import { type Closing, type ConnectionChange, isLasting } from './closing.ts';
import type { Connection } from './connection.ts';
import { Deadlines } from './deadlines.ts';
import { Link, type LinkOwner, type Origin } from './link.ts';
import type { Notice } from './notices.ts';
import { OptionRefused, type Server, type Settings, serverOf } from './options.ts';
import { holdProcess } from './runtime.ts';

/** Servers that only MOVED named; a cluster larger than this is configured. */
const LEARNED_MAX = 16;

export type PoolStatus = {
  /** Ready connections. */
  ready: number;
  /** Requests handed to a connection and not answered. */
  inFlight: number;
  /** Requests that wait here for room. */
  queued: number;
  servers: { address: string; ready: number; inFlight: number; lastClosing: Closing | null }[];
};

/** Is told, never in the middle of a change, of what servers say unasked and of what becomes of connections. */
export type Listener = { onNotice(notice: Notice): void; onState(change: ConnectionChange): void };

/** No server became ready in time, or none can be before a setting changes. */
export class ConnectFailed extends Error {
  /** Why the last connection to each server ended; null where none has ended yet. */
  readonly servers: readonly { address: string; closing: Closing | null }[];
  constructor(detail: string, servers: readonly { address: string; closing: Closing | null }[]) {
    const reasons = servers.map(
      ({ address, closing }) =>
        `${address}: ${closing?.reason ?? 'no answer'}${closing === null ? '' : ` (${closing.detail})`}`,
    );
    super(`${detail}: ${reasons.join('; ')}`);
    this.name = 'ConnectFailed';
    this.servers = servers;
  }
}

export class Pool implements CallHost, LinkOwner {
  readonly runtime: Runtime;
  readonly #settings: Settings;
  readonly #links: Link[] = [];
  readonly #ready: Connection[] = [];
  readonly #queue = new Chain<AnyCall>();
  readonly #deadlines: Deadlines<AnyCall>;
  readonly #release = holdProcess();
  readonly #listeners = new Set<Listener>();
  #openCalls = 0;
  #state: 'open' | 'draining' | 'closed' = 'open';
  #onFirstReady: (() => void) | null = null;
  #onHopeless: (() => void) | null = null;
  #onQuiet: (() => void)[] = [];

  constructor(settings: Settings) {
    this.runtime = settings.runtime;
    this.#settings = settings;
    this.#deadlines = new Deadlines(settings.runtime);
    for (const server of settings.servers) {
      for (let i = 0; i < settings.connections; i++) this.#link('configured', server);
    }
  }

  get isReady(): boolean {
    return this.#state === 'open' && this.#ready.length > 0;
  }

  /** Resolves when a server is ready. Rejects with ConnectFailed. */
  async firstReady(): Promise<void> {
    const { connectMs } = this.#settings;
    if (this.isReady) return;
    await new Promise<void>((resolve, reject) => {
      const fail = (detail: string) => reject(new ConnectFailed(detail, this.#closings()));
      const cancel = this.runtime.after(connectMs, () => fail(`no claim server is ready after ${connectMs} ms`));
      this.#onFirstReady = () => {
        cancel();
        resolve();
      };
      this.#onHopeless = () => {
        cancel();
        fail('no claim server takes this client');
      };
    });
  }

  /** Starts a call; the promise resolves with what `read` makes of its answer, and rejects only by the caller's signal. */
  call<T>(
    request: { name: RequestName; args: readonly unknown[] },
    options: CallOptions,
    read: (reply: Reply, args: readonly unknown[]) => T,
  ): Promise<T> {
    const { signal } = options;
    if (signal?.aborted) return Promise.reject(signal.reason);
    return new Promise((resolve, reject) => {
      const deadlineMs = this.#patienceMs(options.deadlineMs);
      const { name, args } = request;
      const call = new Call<T>(this, { name, args, deadlineMs }, options, { read, resolve, reject });
      this.#openCalls++;
      call.expiry = this.#deadlines.add(call, deadlineMs);
      if (this.#state === 'open') this.place(call);
      else call.refuse();
    });
  }

  place(call: AnyCall): void {
    const connection = this.#pick(call);
    if (connection !== null) this.#send(call, connection);
    else if (this.#state === 'closed' || this.#queue.length >= this.#settings.queueLengthMax) call.refuse();
    // The queue is everybody's: what waits there goes to whichever server has room first.
    else if (call.only !== null) call.refuse();
    else if (call.retry === 'never' && !this.isReady) call.refuse();
    else call.waiting = this.#queue.append(call);
  }

  onOver(): void {
    this.#openCalls--;
    if (this.#openCalls > 0) return;
    for (const quiet of this.#onQuiet.splice(0)) quiet();
  }

  onReady(connection: Connection): void {
    this.#ready.push(connection);
    this.#tell(readyChange(connection));
    this.#onFirstReady?.();
    this.#onFirstReady = null;
    this.#onHopeless = null;
    this.onRoom(connection);
  }

  onRoom(connection: Connection): void {
    while (this.#queue.length > 0 && connection.hasRoom) {
      const call = this.#queue.shift();
      if (call !== undefined) this.#send(call, connection);
    }
  }

  onLeaving(connection: Connection): void {
    this.#forget(connection);
    this.#tell({ server: connection.server.address, state: 'leaving' });
  }

  /** In the order they came, and behind the answers that came before them, whose promises are settled by then. */
  onNotice(notice: Notice): void {
    this.runtime.soon(() => {
      for (const listener of this.#listeners) listener.onNotice(notice);
    });
  }

  onClosed(link: Link, connection: Connection, { reason, detail }: Closing): void {
    this.#forget(connection);
    if (link.origin === 'learned') this.#links.splice(this.#links.indexOf(link), 1);
    this.#tell({ server: link.address, state: 'closed', reason, detail });
    const isHopeless = this.#links.every(({ closing }) => closing !== null && isLasting(closing));
    if (isHopeless) this.#onHopeless?.();
  }

  status(): PoolStatus {
    const addresses = [...new Set(this.#links.map(({ address }) => address))];
    const servers = addresses.map((address) => {
      const ready = this.#ready.filter(({ server }) => server.address === address);
      const inFlight = ready.reduce((sum, connection) => sum + connection.inFlight, 0);
      const lastClosing =
        this.#links.find((link) => link.address === address && link.closing !== null)?.closing ?? null;
      return { address, ready: ready.length, inFlight, lastClosing };
    });
    const inFlight = servers.reduce((sum, server) => sum + server.inFlight, 0);
    return { ready: this.#ready.length, inFlight, queued: this.#queue.length, servers };
  }

  /** Beginning with the connections that are ready now. The returned function ends it. */
  listen(listener: Listener): () => void {
    let isOver = false;
    const changes = this.#ready.map(readyChange);
    this.runtime.soon(() => {
      if (isOver) return;
      this.#listeners.add(listener);
      for (const change of changes) listener.onState(change);
    });
    return () => {
      isOver = true;
      this.#listeners.delete(listener);
    };
  }

  /** Refuses new calls, waits until every open one has its answer (its deadline at the latest), then closes. */
  async drain(): Promise<void> {
    if (this.#state === 'open') this.#state = 'draining';
    if (this.#openCalls > 0) await new Promise<void>((resolve) => this.#onQuiet.push(resolve));
    this.close();
  }

  /** Ends every connection now; open calls get the answer that is true without a further attempt. */
  close(): void {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    for (const link of [...this.#links]) link.close();
    this.#deadlines.expireAll();
    this.#release();
  }

  /** Longer than the protocol allows is cut; what is no time at all is a bug of the caller and rejects the promise. */
  #patienceMs(deadlineMs = this.#settings.deadlineMs): number {
    if (!(deadlineMs > 0)) throw new OptionRefused('deadlineMs', `1…${LIMITS.deadlineMsMax} ms`);
    return Math.min(LIMITS.deadlineMsMax, Math.ceil(deadlineMs));
  }

  #send(call: AnyCall, connection: Connection): void {
    call.sentTo = connection.server.address;
    connection.send(call);
  }

  /** The server that is wanted, else any but the one to avoid, else that; of several the one with the fewest in flight. */
  #pick({ wanted, avoided, only }: AnyCall): Connection | null {
    if (wanted !== null) this.#learn(wanted);
    let best: Connection | null = null;
    let bestCost = Number.POSITIVE_INFINITY;
    for (const connection of this.#ready) {
      const { address } = connection.server;
      if (!connection.hasRoom || (only !== null && address !== only)) continue;
      const cost = address === wanted ? -1 : connection.inFlight + (address === avoided ? 0x10000000 : 0);
      if (cost < bestCost) {
        best = connection;
        bestCost = cost;
      }
    }
    return best;
  }

  #learn(address: string): void {
    if (this.#state === 'closed' || this.#links.some((link) => link.address === address)) return;
    const server = serverOf(address);
    const learned = this.#links.filter(({ origin }) => origin === 'learned').length;
    if (server !== null && learned < LEARNED_MAX) this.#link('learned', server);
  }

  #link(origin: Origin, server: Server): void {
    const { credential, tls, runtime } = this.#settings;
    const link = new Link(origin, { server, credential, tls, runtime }, this);
    this.#links.push(link);
    link.open();
  }

  #forget(connection: Connection): void {
    const index = this.#ready.indexOf(connection);
    if (index >= 0) this.#ready.splice(index, 1);
  }

  /** Later, so that what a listener does or throws never happens in the middle of a change. */
  #tell(change: ConnectionChange): void {
    this.runtime.soon(() => {
      this.#settings.onState(change);
      for (const listener of this.#listeners) listener.onState(change);
    });
  }

  #closings(): { address: string; closing: Closing | null }[] {
    return this.status().servers.map(({ address, lastClosing }) => ({ address, closing: lastClosing }));
  }
}

function readyChange({ server, nodeId, roles }: Connection): ConnectionChange {
  return { server: server.address, state: 'ready', nodeId, roles };
}

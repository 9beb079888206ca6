/**
 * All connections of a client and the calls that wait for room on one. A call goes to the ready connection with the
 * least in flight; when none has room it waits in one bounded queue, first come, first served. It knows neither ops nor
 * outcomes, only how many claims a call makes.
 */
import { LIMITS } from '../protocol/limits.ts';
import type { Reply } from '../protocol/reply.ts';
import type { Runtime } from '../protocol/runtime.ts';
import { Awaited } from './awaited.ts';
import { Barred } from './barred.ts';
import { type AnyCall, Call, type CallHost, type CallOptions, type Request } from './call.ts';
import { Chain } from './chain.ts';
import { type Closing, type ConnectionChange, isLasting } from './closing.ts';
import type { Connection } from './connection.ts';
import { Deadlines } from './deadlines.ts';
import { Link, type LinkOwner, type Origin } from './link.ts';
import type { Notice } from './notices.ts';
import { OptionRefused, type Server, type Settings, serverOf } from './options.ts';
import { holdProcess } from './runtime.ts';

/** Servers that only MOVED named, and how long one is kept that nobody is sent to. */
const LEARNED_MAX = 4;
const LEARNED_IDLE_MS = 60_000;

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
  /** Calls that MOVED has sent to one server. */
  readonly #awaited = new Awaited<AnyCall>();
  readonly #barred: Barred;
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
    this.#barred = new Barred(settings.runtime);
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
  call<T>(request: Request, options: CallOptions, read: (reply: Reply, args: readonly unknown[]) => T): Promise<T> {
    const { signal } = options;
    if (signal?.aborted) return Promise.reject(signal.reason);
    return new Promise((resolve, reject) => {
      const deadlineMs = this.#patienceMs(options.deadlineMs);
      const call = new Call<T>(this, { ...request, deadlineMs }, options, { read, resolve, reject });
      this.#openCalls++;
      call.expiry = this.#deadlines.add(call, deadlineMs);
      if (this.#state === 'open') this.place(call);
      else call.refuse();
    });
  }

  place(call: AnyCall): void {
    // A batch that waits for room is not overtaken for ever by claims that need less.
    const connection = this.#isBehind(call) ? null : this.#pick(call);
    if (connection !== null) this.#send(call, connection);
    else if (this.#state === 'closed' || this.#isQueueFull(call)) call.refuse();
    // The queue is everybody's: what waits there goes to whichever server has room first.
    else if (call.only !== null) call.refuse();
    else if (call.wanted !== null) this.#await(call, call.wanted);
    else if (call.retry === 'never' && !this.isReady) call.refuse();
    else call.waiting = this.#queue.append(call, weightOf(call));
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
    const { address } = connection.server;
    for (let call = this.#awaited.first(address); call !== undefined; call = this.#awaited.first(address)) {
      if (!connection.hasRoomFor(call.claims)) return;
      this.#awaited.shift(address);
      this.#send(call, connection);
    }
    for (let call = this.#queue.first; call !== undefined; call = this.#queue.first) {
      if (!connection.hasRoomFor(call.claims)) return;
      this.#queue.shift();
      this.#send(call, connection);
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
    if (link.origin === 'learned') {
      this.#links.splice(this.#links.indexOf(link), 1);
      if (reason !== 'CLOSED_HERE') this.#barred.fail(link.address, link.livedMs);
    }
    this.#tell({ server: link.address, state: 'closed', reason, detail });
    this.#giveUp(link.address);
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
    return { ready: this.#ready.length, inFlight, queued: this.#queue.length + this.#awaited.length, servers };
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

  /** The server that is wanted, or any but the one to avoid, else that; of several the one with the least in flight. */
  #pick({ wanted, avoided, only, claims }: AnyCall): Connection | null {
    const bound = only ?? wanted;
    let best: Connection | null = null;
    let bestCost = Number.POSITIVE_INFINITY;
    for (const connection of this.#ready) {
      const { address } = connection.server;
      if (!connection.hasRoomFor(claims) || (bound !== null && address !== bound)) continue;
      const load = connection.inFlight + connection.claimsInFlight;
      const cost = load + (address === avoided ? 0x10000000 : 0);
      if (cost < bestCost) {
        best = connection;
        bestCost = cost;
      }
    }
    return best;
  }

  #isBehind({ only, wanted }: AnyCall): boolean {
    if (only !== null) return false;
    return wanted === null ? this.#queue.length > 0 : this.#awaited.first(wanted) !== undefined;
  }

  /** A batch counts as the claims it holds, but any may wait alone. */
  #isQueueFull(call: AnyCall): boolean {
    const isEmpty = this.#queue.length + this.#awaited.length === 0;
    const weight = this.#queue.weight + this.#awaited.weight + weightOf(call);
    return !isEmpty && weight > this.#settings.queueLengthMax;
  }

  #await(call: AnyCall, address: string): void {
    this.#learn(address);
    if (this.#isOnItsWay(address)) call.waiting = this.#awaited.append(address, call, weightOf(call));
    else call.unreachable();
  }

  #isOnItsWay(address: string): boolean {
    return this.#links.some((link) => link.address === address && link.isOnItsWay);
  }

  /** Whoever waits for that server asks elsewhere again, unless another connection leads there. */
  #giveUp(address: string): void {
    if (this.#isOnItsWay(address)) return;
    for (let call = this.#awaited.shift(address); call !== undefined; call = this.#awaited.shift(address)) {
      call.unreachable();
    }
  }

  #learn(address: string): void {
    if (this.#state === 'closed' || this.#barred.has(address)) return;
    if (this.#links.some((link) => link.address === address)) return;
    const server = serverOf(address);
    const learned = this.#links.filter(({ origin }) => origin === 'learned').length;
    if (server === null || learned >= LEARNED_MAX) return;
    this.#closeIdle(this.#link('learned', server));
  }

  /** Looks after each idle time whether anybody was sent there since. */
  #closeIdle(link: Link): void {
    const sentBefore = link.sent;
    this.runtime.after(LEARNED_IDLE_MS, () => {
      if (!this.#links.includes(link)) return;
      const isIdle = link.sent === sentBefore && link.inFlight === 0;
      if (isIdle) link.close();
      else this.#closeIdle(link);
    });
  }

  #link(origin: Origin, server: Server): Link {
    const { credential, tls, runtime } = this.#settings;
    const link = new Link(origin, { server, credential, tls, runtime }, this);
    this.#links.push(link);
    link.open();
    return link;
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

function weightOf({ claims }: AnyCall): number {
  return Math.max(1, claims);
}

function readyChange({ server, nodeId, roles, timeOriginMs }: Connection): ConnectionChange {
  return { server: server.address, state: 'ready', nodeId, roles, timeOriginMs };
}

/**
 * The door: accepts sockets, plain or TLS by the same path, keeps the set of connections within its caps, sweeps their
 * deadlines, and ends them all. Invariant: every accepted socket is in `#connections` until the kernel has closed it.
 */
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import type { Runtime } from '../../protocol/runtime.ts';
import type { Log } from '../lib/log.ts';
import type { ServiceKeys } from '../session/service-keys.ts';
import { SweepClock } from './clock.ts';
import { Connection, type Shared } from './connection.ts';
import { countersOf, type NetStats } from './counters.ts';
import { Flusher } from './flusher.ts';
import type { Identity } from './handshake.ts';
import type { CloseReason } from './life.ts';
import { CONNECTIONS_MAX, NET_LIMITS, type NetLimits } from './limits.ts';
import type { RequestHandler } from './peer.ts';

/** PEM texts. With `ca` a client must show a certificate that it signed. */
export type TlsOptions = { cert: string | Buffer; key: string | Buffer; ca?: string | Buffer };

export type ListenerOptions = {
  runtime: Runtime;
  identity: Identity;
  serviceKeys: ServiceKeys;
  handler: RequestHandler;
  log: Log;
  limits?: Partial<NetLimits>;
  tls?: TlsOptions;
  connectionsMax?: number;
  /** What READY says o'clock it is, in milliseconds since 1970-01-01 UTC; the wall clock when left out. */
  timeMs?: () => number;
  onClose?: (reason: CloseReason) => void;
};

export type Address = { host: string; port: number };

export type Listener = {
  /** Accepts from now on and resolves to the address taken (`port` 0 takes a free one). Rejects when it cannot be had. */
  listen(address: Address): Promise<Address>;
  /**
   * Accepts nothing more, sends GOAWAY, lets requests in flight be answered, and resolves when every connection is
   * gone: at the latest `graceMs` and a linger from now.
   */
  drain(options: { graceMs: number }): Promise<void>;
  /** Ends everything now, and resolves when it is gone: after a linger where a peer does not read. */
  close(): Promise<void>;
  connectionCount(): number;
  stats(): NetStats;
};

export function createListener(options: ListenerOptions): Listener {
  return new SocketListener(options);
}

class SocketListener implements Listener {
  readonly #options: ListenerOptions;
  readonly #limits: NetLimits;
  readonly #connectionsMax: number;
  readonly #counters = countersOf();
  readonly #clock: SweepClock;
  readonly #flusher: Flusher;
  readonly #shared: Shared;
  readonly #server: Server;
  readonly #connections = new Set<Connection>();
  /** In the order they came. */
  readonly #unready = new Set<Connection>();
  #cancelSweep = () => {};
  #closed: Promise<void> | null = null;

  constructor(options: ListenerOptions) {
    const { runtime, handler } = options;
    this.#options = options;
    this.#limits = { ...NET_LIMITS, ...options.limits };
    this.#connectionsMax = options.connectionsMax ?? CONNECTIONS_MAX;
    this.#clock = new SweepClock(runtime, this.#limits.sweepMs);
    this.#flusher = new Flusher(runtime, () => handler.isFull?.() ?? false);
    this.#shared = this.#sharedParts();
    this.#server = this.#createServer();
    // Sockets above this are dropped by Node without a word; between the two caps they are told why.
    this.#server.maxConnections = this.#connectionsMax + this.#limits.refusalsMax;
  }

  listen({ host, port }: Address): Promise<Address> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen({ host, port, backlog: 1_024 }, () => {
        this.#server.off('error', reject);
        // Running out of file handles while accepting is reported here; the next accept may succeed.
        this.#server.on('error', (error) => this.#options.log.error({ err: error }, 'the listener failed to accept'));
        this.#armSweep();
        const { address, port: taken } = this.#server.address() as AddressInfo;
        resolve({ host: address, port: taken });
      });
    });
  }

  async drain({ graceMs }: { graceMs: number }): Promise<void> {
    const closed = this.#stopAccepting();
    for (const connection of this.#connections) connection.drain();
    const cancel = this.#options.runtime.after(graceMs, () => {
      for (const connection of this.#connections) connection.close('SHUTDOWN');
    });
    await closed;
    cancel();
  }

  close(): Promise<void> {
    const closed = this.#stopAccepting();
    for (const connection of this.#connections) {
      connection.close('SHUTDOWN');
      connection.hangUp();
    }
    return closed;
  }

  connectionCount(): number {
    return this.#connections.size;
  }

  stats(): NetStats {
    return {
      ...this.#counters,
      connectionsOpen: this.#connections.size,
      connectionsUnready: this.#unready.size,
    };
  }

  #createServer(): Server {
    const { tls } = this.#options;
    const tcp = { noDelay: true } as const;
    if (tls === undefined) return createServer({ ...tcp, pauseOnConnect: true }, (socket) => this.#accept(socket));
    const { cert, key, ca } = tls;
    const client = ca === undefined ? {} : { ca, requestCert: true, rejectUnauthorized: true };
    const secured = { ...tcp, cert, key, ...client, handshakeTimeout: this.#limits.handshakeMs };
    return createTlsServer(secured, (socket) => this.#accept(socket)).on('tlsClientError', () =>
      this.#count('TLS_REFUSED'),
    );
  }

  #sharedParts(): Shared {
    const { runtime, identity, serviceKeys, handler, log, timeMs } = this.#options;
    return {
      handshake: {
        identity,
        serviceKeys,
        limits: this.#limits,
        timeMs: timeMs ?? (() => Math.floor(runtime.wallMs())),
      },
      handler,
      randomBytes: (length) => runtime.randomBytes(length),
      clock: this.#clock,
      flusher: this.#flusher,
      counters: this.#counters,
      log,
      onReady: (connection) => this.#unready.delete(connection),
      onClosed: (connection, reason) => {
        this.#unready.delete(connection);
        this.#count(reason);
      },
      onGone: (connection) => this.#connections.delete(connection),
    };
  }

  #accept(socket: Socket): void {
    this.#counters.accepted++;
    const isCrowded = this.#connections.size >= this.#connectionsMax;
    const connection = new Connection(socket, this.#shared);
    this.#connections.add(connection);
    if (this.#closed !== null) return connection.close('SHUTDOWN');
    if (isCrowded) return connection.close('TOO_MANY_CONNECTIONS');
    this.#unready.add(connection);
    if (this.#unready.size > this.#limits.unreadyMax) this.#evictOldestUnready();
  }

  /** An honest peer proves itself within milliseconds, so the oldest that has not is the least likely to be one. */
  #evictOldestUnready(): void {
    const [oldest] = this.#unready;
    oldest?.close('TOO_MANY_CONNECTIONS');
  }

  #count(reason: CloseReason): void {
    const { closes } = this.#counters;
    closes.set(reason, (closes.get(reason) ?? 0) + 1);
    this.#options.onClose?.(reason);
    this.#options.log.debug({ reason }, 'connection ended');
  }

  #armSweep(): void {
    this.#cancelSweep = this.#options.runtime.after(this.#limits.sweepMs, () => {
      this.#armSweep();
      this.#sweep();
    });
  }

  #sweep(): void {
    this.#clock.advance();
    this.#flusher.releaseHeld();
    for (const connection of this.#connections) {
      connection.sweep();
      if (connection.isQuiet(this.#clock.nowMs)) connection.close('SHUTDOWN');
    }
  }

  /** Resolves when the last connection is gone. */
  #stopAccepting(): Promise<void> {
    this.#closed ??= new Promise<void>((resolve) => this.#server.close(() => resolve())).then(() =>
      this.#cancelSweep(),
    );
    return this.#closed;
  }
}

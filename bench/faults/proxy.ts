/**
 * A TCP proxy on 127.0.0.1 that does to connections what networks do. Faults hold for connections that are there and for
 * those to come, and may change at any time. Time is this machine's: a proxy stands between real programs.
 */
import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import type { CutAfter } from './cut-point.ts';
import { NO_FAULTS, Pipe, type PipeFaults, type Rule } from './pipe.ts';

export type { CutAfter } from './cut-point.ts';
export type { PipeFaults } from './pipe.ts';
export type Direction = 'toServer' | 'toClient';

export type ProxyOptions = {
  target: { host: string; port: number };
  toServer?: Partial<PipeFaults>;
  toClient?: Partial<PipeFaults>;
};

/** Resolves when it accepts. */
export async function openProxy(options: ProxyOptions): Promise<FaultProxy> {
  const proxy = new FaultProxy(options);
  await proxy.listen();
  return proxy;
}

type Link = { client: Socket; server: Socket; pipes: Record<Direction, Pipe> };

export class FaultProxy {
  readonly #target: ProxyOptions['target'];
  readonly #server: Server;
  readonly #links = new Set<Link>();
  /** Also those whose link was cut and that still deliver their last bytes. */
  readonly #sockets = new Set<Socket>();
  readonly #faults: Record<Direction, PipeFaults>;
  readonly #rules: Record<Direction, Rule | null> = { toServer: null, toClient: null };
  #isRefusing = false;

  /** Use `openProxy`, which also listens. */
  constructor({ target, toServer, toClient }: ProxyOptions) {
    this.#target = target;
    this.#faults = { toServer: { ...NO_FAULTS, ...toServer }, toClient: { ...NO_FAULTS, ...toClient } };
    this.#server = createServer({ allowHalfOpen: true, noDelay: true }, (client) => this.#accept(client));
  }

  async listen(): Promise<void> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
  }

  get port(): number {
    const address = this.#server.address();
    if (address === null || typeof address === 'string') throw new Error('the proxy does not listen');
    return address.port;
  }

  /** `127.0.0.1:port`. */
  get address(): string {
    return `127.0.0.1:${this.port}`;
  }

  get connections(): number {
    return this.#links.size;
  }

  /** Adds to the faults of one direction; `NO_FAULTS` heals what can be healed. */
  set(direction: Direction, faults: Partial<PipeFaults>): void {
    this.#faults[direction] = { ...this.#faults[direction], ...faults };
    for (const { pipes } of this.#links) pipes[direction].set(this.#faults[direction]);
  }

  /** Neither direction says anything any more, and nobody is told: the peer may be dead or slow. */
  freeze(): void {
    this.set('toServer', { gate: 'hold' });
    this.set('toClient', { gate: 'hold' });
  }

  /** Requests arrive and are carried out; no reply comes back. */
  dropReplies(): void {
    this.set('toClient', { gate: 'drop' });
  }

  /** Resets every connection on both sides, now. */
  cut(): void {
    for (const link of this.#links) this.#end(link);
  }

  /**
   * Cuts the first connection on which so many more frames and bytes have passed in this direction; those still arrive.
   * Resolves when that has happened. One rule a direction: a second one takes its place.
   */
  cutAfter(direction: Direction, cutAfter: CutAfter): Promise<void> {
    return new Promise((resolve) => {
      const rule: Rule = { cutAfter, onCut: resolve };
      this.#rules[direction] = rule;
      for (const { pipes } of this.#links) pipes[direction].cutBy(rule);
    });
  }

  /** New connections are closed at once until `accept`. */
  refuse(): void {
    this.#isRefusing = true;
  }

  accept(): void {
    this.#isRefusing = false;
  }

  async close(): Promise<void> {
    const closed = once(this.#server, 'close');
    this.#server.close();
    this.cut();
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  #accept(client: Socket): void {
    client.on('error', () => {});
    if (this.#isRefusing) {
      client.resetAndDestroy();
      return;
    }
    const server = connect({ ...this.#target, allowHalfOpen: true, noDelay: true });
    const link: Link = {
      client,
      server,
      pipes: {
        toServer: this.#pipe('toServer', { from: client, to: server, link: () => link }),
        toClient: this.#pipe('toClient', { from: server, to: client, link: () => link }),
      },
    };
    this.#links.add(link);
    for (const socket of [client, server]) {
      this.#sockets.add(socket);
      socket.on('error', () => this.#end(link));
      socket.on('close', () => {
        this.#sockets.delete(socket);
        if (client.destroyed && server.destroyed) this.#forget(link);
      });
    }
    for (const direction of ['toServer', 'toClient'] as const) link.pipes[direction].cutBy(this.#rules[direction]);
  }

  #pipe(direction: Direction, { from, to, link }: { from: Socket; to: Socket; link: () => Link }): Pipe {
    const onCut = (rule: Rule) => {
      this.#rules[direction] = null;
      for (const { pipes } of this.#links) pipes[direction].cutBy(null);
      this.#forget(link());
      // An end rather than a reset, at which a receiver may lose bytes that have arrived.
      to.end();
      from.resetAndDestroy();
      rule.onCut();
    };
    return new Pipe({ from, to, faults: this.#faults[direction], onCut });
  }

  #end(link: Link): void {
    if (!this.#links.has(link)) return;
    this.#forget(link);
    for (const socket of [link.client, link.server]) socket.resetAndDestroy();
  }

  #forget(link: Link): void {
    if (!this.#links.delete(link)) return;
    for (const direction of ['toServer', 'toClient'] as const) link.pipes[direction].stop();
  }
}

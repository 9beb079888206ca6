/**
 * The door of the live channel: upgrades within the bounds, the set of open sockets, the sweep that ends what is due, the
 * drain. Invariant: every upgraded connection is in `#sockets` until the kernel has closed it.
 */
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { WebSocketServer } from 'ws';
import type { Problem } from '../../protocol/reply.ts';
import type { Context } from '../context.ts';
import { rawProblem } from '../refusal.ts';
import { Feed } from './feed.ts';
import { LiveSocket } from './socket.ts';

const BAD_HANDSHAKE: Problem = {
  code: 'BAD_REQUEST',
  faults: [{ field: 'request', rule: 'a WebSocket handshake, version 13 (RFC 6455)' }],
};

export class Live {
  readonly #context: Context;
  readonly #feed: Feed;
  readonly #door: WebSocketServer;
  readonly #sockets = new Set<LiveSocket>();
  #cancelSweep: () => void = () => {};
  #onEmpty: () => void = () => {};

  constructor(context: Context) {
    this.#context = context;
    this.#feed = new Feed(context);
    this.#door = new WebSocketServer({
      noServer: true,
      clientTracking: false,
      maxPayload: context.limits.liveMessageBytesMax,
      perMessageDeflate: false,
    });
    this.#door.on('wsClientError', (_error, socket) => refuse(socket, BAD_HANDSHAKE));
  }

  get sockets(): number {
    return this.#sockets.size;
  }

  start(): void {
    this.#feed.start();
    this.#sweepLater();
  }

  /** Of node's event `upgrade`. */
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    socket.on('error', () => socket.destroy());
    if (this.#context.isDraining) return refuse(socket, { code: 'DRAINING', retryAfterMs: 1_000 });
    const from = this.#context.callers.addressOf(request);
    this.#door.handleUpgrade(request, socket, head, (ws) => {
      const live = new LiveSocket(ws, {
        context: this.#context,
        feed: this.#feed,
        from,
        onGone: (gone) => this.#gone(gone),
      });
      this.#sockets.add(live);
      this.#context.metrics.liveSockets(this.#sockets.size);
      // Programs in browsers see close codes and no HTTP statuses, so this is told behind the upgrade.
      if (this.#sockets.size > this.#context.limits.liveSocketsMax) live.close('TOO_MANY');
    });
  }

  /** Resolves when every socket is gone: each answers what it has heard and is then closed. */
  async drain(): Promise<void> {
    for (const socket of [...this.#sockets]) socket.drain();
    if (this.#sockets.size > 0) {
      await new Promise<void>((resolve) => {
        this.#onEmpty = resolve;
      });
    }
    this.#stop();
  }

  /** Cuts every socket. */
  close(): void {
    for (const socket of [...this.#sockets]) socket.cut();
    this.#stop();
  }

  #stop(): void {
    this.#cancelSweep();
    this.#feed.stop();
  }

  #gone(socket: LiveSocket): void {
    this.#sockets.delete(socket);
    this.#context.metrics.liveSockets(this.#sockets.size);
    if (this.#sockets.size === 0) this.#onEmpty();
  }

  /** One timer for all of them: two for each of ten thousand sockets would be most of what an idle one costs. */
  #sweepLater(): void {
    const { runtime, limits, revocations } = this.#context;
    this.#cancelSweep = runtime.after(limits.liveSweepMs, () => {
      this.#sweepLater();
      revocations.sweep();
      const nowMs = runtime.monotonicMs();
      for (const socket of [...this.#sockets]) socket.tick(nowMs);
    });
  }
}

function refuse(socket: Duplex, problem: Problem): void {
  socket.end(rawProblem(problem));
}

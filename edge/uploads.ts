/**
 * Which sockets are in the middle of an upload. Node ends every request that has not arrived whole after a few seconds;
 * an upload takes as long as the store needs for it, and has a patience of its own: its sender may be silent for a while,
 * and must on the whole send faster than a trickle. Time in which it was the edge that did not read does not count.
 */
import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { Runtime } from '../protocol/runtime.ts';
import { BodyStream } from './body-stream.ts';
import type { EdgeLimits } from './limits.ts';

const LOOK_MS = 500;

/** LATE: its sender is too slow. STOPPED: `mayGoOn` said no. TOO_LONG: more bytes than any upload has. */
export type UploadEnd = 'END' | 'GONE' | 'LATE' | 'STOPPED' | 'TOO_LONG';

export class Uploads {
  readonly #sockets = new WeakSet<Socket>();
  readonly #runtime: Runtime;
  readonly #limits: EdgeLimits;

  constructor({ runtime, limits }: { runtime: Runtime; limits: EdgeLimits }) {
    this.#runtime = runtime;
    this.#limits = limits;
  }

  includes(socket: Socket): boolean {
    return this.#sockets.has(socket);
  }

  /** Hands each piece of the body to `take`, one after the other, and waits for it. Rejects with what `take` threw. */
  async read(
    message: IncomingMessage,
    { take, mayGoOn }: { take: (piece: Buffer) => Promise<void>; mayGoOn: () => boolean },
  ): Promise<UploadEnd> {
    const { socket } = message;
    const stream = new BodyStream(message, this.#runtime);
    this.#sockets.add(socket);
    try {
      return await this.#pieces(stream, take, mayGoOn);
    } finally {
      this.#sockets.delete(socket);
      stream.release();
      if (!message.complete) this.#runtime.after(this.#limits.uploadLingerMs, () => cutUnread(message));
    }
  }

  async #pieces(
    stream: BodyStream,
    take: (piece: Buffer) => Promise<void>,
    mayGoOn: () => boolean,
  ): Promise<UploadEnd> {
    const { uploadSilenceMs, uploadBytesPerSecondMin, uploadBytesMax } = this.#limits;
    let bytes = 0;
    let silentMs = 0;
    let waitedMs = 0;
    while (mayGoOn()) {
      const askedAt = this.#runtime.monotonicMs();
      const piece = await stream.next(LOOK_MS);
      const ms = this.#runtime.monotonicMs() - askedAt;
      if (piece === 'END' || piece === 'GONE') return piece;
      waitedMs += ms;
      silentMs = piece === 'NOTHING' ? silentMs + ms : 0;
      const patienceMs = uploadSilenceMs + (bytes / uploadBytesPerSecondMin) * 1_000;
      if (silentMs > uploadSilenceMs || waitedMs > patienceMs) return 'LATE';
      if (piece === 'NOTHING') continue;
      bytes += piece.length;
      if (bytes > uploadBytesMax) return 'TOO_LONG';
      await take(piece);
    }
    return 'STOPPED';
  }
}

/** The answer has had time to arrive; a caller that sends on after it is not listened to for ever. */
function cutUnread(message: IncomingMessage): void {
  if (!message.complete) message.socket.destroy();
}

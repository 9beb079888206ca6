/** One connection under load: a bounded number of slots, each free or waiting for its answer. It decides nothing. */
import type { Socket } from 'node:net';
import { type Answers, IN_ORDER, type Replies, type Requests } from './dialects/dialect.ts';
import type { Recorder } from './recorder.ts';

type Parts = {
  socket: Socket;
  replies: Replies;
  requests: Requests;
  recorder: Recorder;
  depth: number;
  batchClaims: number;
};

export class Lane implements Answers {
  readonly #parts: Parts;
  readonly #dueMs: Float64Array;
  /** A stack of free slots. */
  readonly #free: Int32Array;
  #freeCount: number;
  /** Slots in the order in which they were sent, for protocols whose replies bear no number. */
  readonly #order: Int32Array;
  #orderHead = 0;
  #orderTail = 0;
  #out: Buffer;
  #outBytes = 0;
  #nowMs = 0;

  constructor(parts: Parts) {
    const { depth, requests } = parts;
    this.#parts = parts;
    this.#dueMs = new Float64Array(depth);
    this.#free = Int32Array.from({ length: depth }, (_, slot) => slot);
    this.#freeCount = depth;
    this.#order = new Int32Array(depth);
    this.#out = requests.room(depth);
  }

  /** `onRoom` is told after each chunk of replies; `onFailure` once, when the connection is of no more use. */
  listen({
    onRoom,
    onFailure,
  }: {
    onRoom: (lane: Lane, nowMs: number) => void;
    onFailure: (error: Error) => void;
  }): void {
    const { socket, replies } = this.#parts;
    socket.on('data', (chunk: Buffer) => {
      this.#nowMs = performance.now();
      try {
        replies(chunk, this);
      } catch (error) {
        onFailure(error instanceof Error ? error : new Error(String(error)));
        return;
      }
      onRoom(this, this.#nowMs);
    });
    socket.on('error', onFailure);
    socket.on('close', () => onFailure(new Error('the server closed a connection')));
  }

  get hasRoom(): boolean {
    return this.#freeCount > 0;
  }

  /** Takes a free slot for the request whose first claim is `index`; `flush` sends it. */
  add(index: number, dueMs: number): void {
    const { requests, recorder, batchClaims, depth } = this.#parts;
    const slot = this.#free[--this.#freeCount] as number;
    this.#dueMs[slot] = dueMs;
    this.#order[this.#orderTail] = slot;
    this.#orderTail = this.#orderTail + 1 === depth ? 0 : this.#orderTail + 1;
    this.#outBytes += requests.write(this.#out, this.#outBytes, index, slot);
    recorder.sent += batchClaims;
  }

  /** One write for everything that was added. */
  flush(): void {
    if (this.#outBytes === 0) return;
    const { socket, requests, depth } = this.#parts;
    socket.write(this.#outBytes === this.#out.length ? this.#out : this.#out.subarray(0, this.#outBytes));
    this.#outBytes = 0;
    // The system has taken all of it at once, as it nearly always does, or the bytes are still to be read by it.
    if (socket.writableLength > 0) this.#out = requests.room(depth);
  }

  close(): void {
    this.#parts.socket.removeAllListeners('close');
    this.#parts.socket.destroy();
  }

  counted(outcome: number, claims: number): void {
    this.#parts.recorder.counted(outcome, claims, this.#nowMs);
  }

  settled(numbered: number): void {
    let slot = numbered;
    if (numbered === IN_ORDER) {
      slot = this.#order[this.#orderHead] as number;
      this.#orderHead = this.#orderHead + 1 === this.#parts.depth ? 0 : this.#orderHead + 1;
    }
    this.#parts.recorder.settled(this.#dueMs[slot] as number, this.#nowMs);
    this.#free[this.#freeCount++] = slot;
  }
}

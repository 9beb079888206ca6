/** One connection under load: a bounded number of slots, each free or waiting for its answer. It decides nothing. */
import type { Socket } from 'node:net';
import type { Recorder } from './recorder.ts';
import { IN_ORDER, type Replies } from './replies.ts';
import type { Requests } from './requests.ts';

type Parts = { socket: Socket; replies: Replies; requests: Requests; recorder: Recorder; depth: number };

export class Lane {
  readonly #parts: Parts;
  readonly #dueMs: Float64Array;
  readonly #free: number[];
  /** Slots in the order in which they were sent, for protocols whose replies bear no number. */
  readonly #order: Int32Array;
  #orderHead = 0;
  #orderTail = 0;
  #unwritten: { slot: number; index: number }[] = [];
  #nowMs = 0;

  constructor(parts: Parts) {
    const { depth } = parts;
    this.#parts = parts;
    this.#dueMs = new Float64Array(depth);
    this.#free = Array.from({ length: depth }, (_, slot) => slot);
    this.#order = new Int32Array(depth);
  }

  /** `onRoom` is told after each chunk of replies; `onFailure` once, when the connection is of no more use. */
  listen({ onRoom, onFailure }: { onRoom: (lane: Lane) => void; onFailure: (error: Error) => void }): void {
    const { socket, replies } = this.#parts;
    const take = (slot: number, outcome: number) => this.#take(slot, outcome);
    socket.on('data', (chunk: Buffer) => {
      this.#nowMs = performance.now();
      try {
        replies(chunk, take);
      } catch (error) {
        onFailure(error instanceof Error ? error : new Error(String(error)));
        return;
      }
      onRoom(this);
    });
    socket.on('error', onFailure);
    socket.on('close', () => onFailure(new Error('the server closed a connection')));
  }

  get hasRoom(): boolean {
    return this.#free.length > 0;
  }

  /** Takes a free slot for request `index`; `flush` sends it. */
  add(index: number, dueMs: number): void {
    const slot = this.#free.pop() as number;
    this.#dueMs[slot] = dueMs;
    this.#order[this.#orderTail++ % this.#order.length] = slot;
    this.#unwritten.push({ slot, index });
    this.#parts.recorder.sent++;
  }

  /** One write for everything that was added. */
  flush(): void {
    const { requests, socket } = this.#parts;
    if (this.#unwritten.length === 0) return;
    const bytes = Buffer.allocUnsafe(this.#unwritten.length * requests.bytesMax);
    let at = 0;
    for (const { slot, index } of this.#unwritten) at += requests.write(bytes, at, index, slot);
    this.#unwritten = [];
    socket.write(at === bytes.length ? bytes : bytes.subarray(0, at));
  }

  close(): void {
    this.#parts.socket.removeAllListeners('close');
    this.#parts.socket.destroy();
  }

  #take(numbered: number, outcome: number): void {
    const slot = numbered === IN_ORDER ? (this.#order[this.#orderHead++ % this.#order.length] as number) : numbered;
    this.#parts.recorder.answer(outcome, this.#dueMs[slot] as number, this.#nowMs);
    this.#free.push(slot);
  }
}

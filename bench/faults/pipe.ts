/**
 * One direction of one connection: bytes from a socket to its counterpart, late, slowly, not yet or never. Invariant: bytes
 * come out in order, and after a byte that was swallowed nothing comes out any more.
 */
import type { Socket } from 'node:net';
import { type CutAfter, CutPoint, FrameWalk } from './cut-point.ts';

export type PipeFaults = {
  /** Each chunk arrives so much later. */
  delayMs: number;
  /** Infinity for no bound. */
  bytesPerS: number;
  /** `hold` reads nothing and says nothing, as a frozen peer does; `drop` reads and throws away, from then on for ever. */
  gate: 'pass' | 'hold' | 'drop';
};

export const NO_FAULTS: PipeFaults = { delayMs: 0, bytesPerS: Number.POSITIVE_INFINITY, gate: 'pass' };

/** Bytes that may wait here; beyond that the sender is not read, as on a full network. */
const QUEUE_BYTES_MAX = 1_048_576;
/** A throttled stream flows in pieces of about so much time. */
const PIECE_S = 0.02;

export type Rule = { cutAfter: CutAfter; onCut: () => void };

export class Pipe {
  readonly #from: Socket;
  readonly #to: Socket;
  readonly #onCut: (rule: Rule) => void;
  readonly #walk = new FrameWalk();
  #faults: PipeFaults;
  #queue: { chunk: Buffer; dueMs: number }[] = [];
  #queuedBytes = 0;
  #freeAtMs = 0;
  #timer: NodeJS.Timeout | undefined;
  #hasDropped = false;
  #hasEnded = false;
  #isStopped = false;
  #cut: { rule: Rule; point: CutPoint } | null = null;

  constructor({
    from,
    to,
    faults,
    onCut,
  }: { from: Socket; to: Socket; faults: PipeFaults; onCut: (rule: Rule) => void }) {
    this.#from = from;
    this.#to = to;
    this.#faults = faults;
    this.#onCut = onCut;
    from.on('data', (chunk) => this.#take(chunk));
    from.on('end', () => {
      this.#hasEnded = true;
      this.#pump();
    });
    to.on('drain', () => this.#pump());
    this.#pump();
  }

  set(faults: PipeFaults): void {
    this.#faults = faults;
    this.#pump();
  }

  /** Null takes back an earlier rule. */
  cutBy(rule: Rule | null): void {
    this.#cut = rule === null ? null : { rule, point: new CutPoint(rule.cutAfter) };
    if (rule !== null) this.#pump();
  }

  /** What still comes is read and thrown away. */
  stop(): void {
    clearTimeout(this.#timer);
    this.#isStopped = true;
    this.#queue = [];
    this.#from.resume();
  }

  #take(chunk: Buffer): void {
    if (this.#faults.gate === 'drop') this.#hasDropped = true;
    if (this.#hasDropped || this.#isStopped) return;
    this.#queue.push({ chunk, dueMs: performance.now() + this.#faults.delayMs });
    this.#queuedBytes += chunk.length;
    this.#pump();
  }

  #pump(): void {
    clearTimeout(this.#timer);
    if (this.#isStopped) return;
    if (this.#faults.gate === 'hold') {
      this.#from.pause();
      return;
    }
    while (!this.#to.writableNeedDrain && !this.#to.destroyed) {
      const [first] = this.#queue;
      if (first === undefined) break;
      const waitMs = Math.max(first.dueMs, this.#freeAtMs) - performance.now();
      if (waitMs > 0) {
        this.#timer = setTimeout(() => this.#pump(), waitMs);
        break;
      }
      this.#send(this.#nextPiece(first));
    }
    // A cut ends this pipe in the middle of the loop.
    if (this.#isStopped) return;
    if (this.#queuedBytes > QUEUE_BYTES_MAX) this.#from.pause();
    else this.#from.resume();
    const isDone = this.#hasEnded && this.#queue.length === 0 && !this.#hasDropped && this.#faults.gate === 'pass';
    if (isDone) this.#to.end();
  }

  #nextPiece(first: { chunk: Buffer }): Buffer {
    const { bytesPerS } = this.#faults;
    const piece = first.chunk.subarray(0, Math.max(1, Math.floor(bytesPerS * PIECE_S)));
    first.chunk = first.chunk.subarray(piece.length);
    if (first.chunk.length === 0) this.#queue.shift();
    this.#queuedBytes -= piece.length;
    this.#freeAtMs = performance.now() + (piece.length / bytesPerS) * 1_000;
    return piece;
  }

  #send(piece: Buffer): void {
    const cut = this.#cut;
    if (cut === null) {
      for (let at = 0; at < piece.length; ) at += this.#walk.step(piece, at);
      this.#to.write(piece);
      return;
    }
    const { bytes, isDue } = cut.point.passing(piece, this.#walk);
    this.#to.write(piece.subarray(0, bytes));
    if (isDue) this.#onCut(cut.rule);
  }
}

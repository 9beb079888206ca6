/**
 * One shard's queue: at most one turn at work per lock key, the others waiting behind it in the order they came. Its
 * length is bounded; it decides nothing. With `isLocking` false nobody waits for anybody and the store's guard is alone
 * in deciding who wins.
 */
import { lockKeyOf } from '../../protocol/key.ts';
import { type ClaimRequest, Turn } from './turn.ts';

export type Entry = Turn | 'WAITING' | 'FULL';

export class LockQueue {
  readonly lengthMax: number;
  readonly #isLocking: boolean;
  readonly #turns = new Map<string, Turn>();
  #length = 0;
  /** Nobody who is still to be answered has an earlier deadline: spares a look at each of thousands of turns every few milliseconds. */
  #dueAt = Number.POSITIVE_INFINITY;
  #entries = 0;

  constructor({ lengthMax, isLocking }: { lengthMax: number; isLocking: boolean }) {
    this.lengthMax = lengthMax;
    this.#isLocking = isLocking;
  }

  /** Requests at work and waiting. */
  get length(): number {
    return this.#length;
  }

  /** The turn to begin now, or what became of the request instead. */
  enter(request: ClaimRequest): Entry {
    if (this.#length >= this.lengthMax) return 'FULL';
    this.#length++;
    this.#expect(request);
    const lockKey = this.#lockKeyOf(request);
    const turn = this.#turns.get(lockKey);
    if (turn === undefined) return this.#begin(request, lockKey, null);
    if (turn.waiting === null) turn.waiting = [request];
    else turn.waiting.push(request);
    return 'WAITING';
  }

  /** Ends a turn; the next one on its lock key, if a request waits there, is to begin now. */
  leave(turn: Turn): Turn | null {
    turn.move('DONE');
    this.#length--;
    const next = turn.waiting?.shift();
    if (next !== undefined) return this.#begin(next, turn.lockKey, turn.waiting);
    this.#turns.delete(turn.lockKey);
    return null;
  }

  /** Whether a deadline may have passed. */
  isDue(now: number): boolean {
    return this.#dueAt <= now;
  }

  /** To be called when all whose deadline has passed are answered. */
  lookAhead(): void {
    this.#dueAt = Number.POSITIVE_INFINITY;
    for (const turn of this.#turns.values()) {
      if (!turn.isAnswered) this.#expect(turn.request);
      for (const request of turn.waiting ?? []) this.#expect(request);
    }
  }

  /** Takes out the waiting requests whose deadline has passed, each with the turn it waited for. */
  *takeLate(now: number): Generator<{ request: ClaimRequest; turn: Turn }> {
    for (const turn of this.#turns.values()) {
      if (turn.waiting === null || !turn.waiting.some(({ deadlineAt }) => deadlineAt <= now)) continue;
      const late = turn.waiting.filter(({ deadlineAt }) => deadlineAt <= now);
      turn.waiting = turn.waiting.filter(({ deadlineAt }) => deadlineAt > now);
      this.#length -= late.length;
      for (const request of late) yield { request, turn };
    }
  }

  /** Takes out everything that waits behind a turn. */
  takeWaiting(turn: Turn): ClaimRequest[] {
    const waiting = turn.waiting ?? [];
    turn.waiting = null;
    this.#length -= waiting.length;
    return waiting;
  }

  turns(): IterableIterator<Turn> {
    return this.#turns.values();
  }

  #expect({ deadlineAt }: ClaimRequest): void {
    if (deadlineAt < this.#dueAt) this.#dueAt = deadlineAt;
  }

  #begin(request: ClaimRequest, lockKey: string, waiting: ClaimRequest[] | null): Turn {
    const turn = new Turn(request, this, lockKey, waiting);
    this.#turns.set(lockKey, turn);
    return turn;
  }

  #lockKeyOf({ eventKey, userId }: ClaimRequest): string {
    const lockKey = lockKeyOf(eventKey, userId);
    // A number behind a character that no key holds makes every request a lock key of its own.
    return this.#isLocking ? lockKey : `${lockKey}#${this.#entries++}`;
  }
}

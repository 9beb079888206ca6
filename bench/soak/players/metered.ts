/**
 * Players of whom none asks twice, and how long each answer took. Only answers inside of a window that was opened count, so that
 * two stretches of one load can be compared. Invariant: it is told of every answer.
 */
import type { ErrorName } from '../../../clients/index.ts';
import type { Ask, Heard } from '../audit/history.ts';

export type Metered = {
  perS: number;
  p99Ms: number;
  maxMs: number;
  /** By code, how many answers. */
  codes: Readonly<Partial<Record<ErrorName, number>>>;
};

type Window = { openedAtMs: number; latenciesMs: number[]; codes: Partial<Record<ErrorName, number>> };

export class MeteredQuestions {
  readonly #eventKeys: readonly string[];
  readonly #tag: string;
  readonly #sentAtMs = new Map<string, number>();
  #window: Window = openWindow();
  #count = 0;

  /** `tag` sets their users and request ids apart from all others. */
  constructor({ eventKeys, tag }: { eventKeys: readonly string[]; tag: string }) {
    this.#eventKeys = eventKeys;
    this.#tag = tag;
  }

  next(): Ask {
    const n = this.#count++;
    const eventKey = this.#eventKeys[n % this.#eventKeys.length] as string;
    const requestId = `${this.#tag}-${n}`;
    this.#sentAtMs.set(requestId, performance.now());
    return { eventKey, userId: `u${n}.${this.#tag}`, requestId };
  }

  heard({ requestId }: Ask, { code }: Heard): void {
    const sentAtMs = this.#sentAtMs.get(requestId);
    if (sentAtMs === undefined) return;
    this.#sentAtMs.delete(requestId);
    this.#window.latenciesMs.push(performance.now() - sentAtMs);
    this.#window.codes[code] = (this.#window.codes[code] ?? 0) + 1;
  }

  /** What was heard since the last call; the next window begins. */
  measured(): Metered {
    const { openedAtMs, latenciesMs, codes } = this.#window;
    const seconds = (performance.now() - openedAtMs) / 1_000;
    this.#window = openWindow();
    const sorted = latenciesMs.sort((a, b) => a - b);
    const p99Ms = sorted[Math.ceil(sorted.length * 0.99) - 1] ?? 0;
    return { perS: (codes.GRANTED ?? 0) / seconds, p99Ms, maxMs: sorted.at(-1) ?? 0, codes };
  }
}

function openWindow(): Window {
  return { openedAtMs: performance.now(), latenciesMs: [], codes: {} };
}

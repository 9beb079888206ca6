/** The figures of one case: series of rounds under labels, ratios between them round by round, notes. */
import type { JobResult } from '../load/job.ts';

/**
 * `systemCpu` is in cores of the whole job; `systemUsPerAnswer` is the same for one answer, which a machine that is shared
 * with others distorts least. `voidReason` says why the run proves nothing, or null.
 */
export type Measurement = Pick<JobResult, 'sent' | 'outcomes' | 'perS' | 'windowMs'> & {
  latencyMs: JobResult['latencyMs'] | null;
  generatorCpu: number | null;
  systemCpu: number | null;
  systemUsPerAnswer: number | null;
  voidReason: string | null;
};
export type Spread = { median: number; min: number; max: number };
export type Ratio = { of: string; to: string; goal: number | null; rounds: number[]; spread: Spread };

export class Figures {
  readonly name: string;
  readonly notes: string[] = [];
  readonly #series = new Map<string, Measurement[]>();
  readonly #wanted: { of: string; to: string; goal: number | null }[] = [];

  constructor(name: string) {
    this.name = name;
  }

  add(label: string, measurement: Measurement): void {
    const rounds = this.#series.get(label);
    if (rounds === undefined) this.#series.set(label, [measurement]);
    else rounds.push(measurement);
  }

  /** Asks for a ratio of two series, which need not be there yet. */
  compare(of: string, to: string, goal: number | null = null): void {
    const isKnown = this.#wanted.some((wanted) => wanted.of === of && wanted.to === to);
    if (!isKnown) this.#wanted.push({ of, to, goal });
  }

  get series(): ReadonlyMap<string, readonly Measurement[]> {
    return this.#series;
  }

  get voids(): string[] {
    return [...this.#series].flatMap(([label, rounds]) =>
      rounds.flatMap(({ voidReason }) => (voidReason === null ? [] : [`${this.name}, ${label}: ${voidReason}`])),
    );
  }

  /** Rounds are compared with their own counterparts, because a shared machine changes between rounds. */
  get ratios(): Ratio[] {
    return this.#wanted.flatMap(({ of, to, goal }) => {
      const above = this.#series.get(of) ?? [];
      const below = this.#series.get(to) ?? [];
      const rounds = above.flatMap(({ perS }, round) => (below[round] ? [perS / below[round].perS] : []));
      return rounds.length === 0 ? [] : [{ of, to, goal, rounds, spread: spreadOf(rounds) }];
    });
  }

  toJSON() {
    const { name, notes, ratios, voids } = this;
    return { name, series: Object.fromEntries(this.#series), ratios, voids, notes };
  }
}

export function spreadOf(values: readonly number[]): Spread {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const [lower, upper] = [sorted[sorted.length % 2 === 0 ? middle - 1 : middle], sorted[middle]];
  return { median: ((lower ?? 0) + (upper ?? 0)) / 2, min: sorted[0] ?? 0, max: sorted.at(-1) ?? 0 };
}

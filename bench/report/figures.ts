/** The figures of one case: series of rounds under labels, ratios between them round by round, other values, notes. */
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
  /** Memory of the system after the run that no file backs. */
  anonymousMiB: number | null;
  /** What the load process can ask at most in this shape. */
  ceilingPerS: number | null;
  voidReason: string | null;
};
/** What a measurement has that was not made by the load process: no CPU, no memory, no ceiling. */
export const UNOBSERVED = {
  generatorCpu: null,
  systemCpu: null,
  systemUsPerAnswer: null,
  anonymousMiB: null,
  ceilingPerS: null,
} as const;

export type Spread = { median: number; min: number; max: number };
export type Goal = { atLeast: number } | { atMost: number };
export type Ratio = { of: string; to: string; goal: Goal | null; rounds: number[]; spread: Spread };
/** A figure that is no rate, in a unit of its own. */
export type Value = { label: string; unit: string; goal: Goal | null; rounds: number[]; spread: Spread };
export type CaseFigures = {
  name: string;
  series: Record<string, readonly Measurement[]>;
  ratios: Ratio[];
  values: Value[];
  voids: string[];
  notes: string[];
};

export class Figures {
  readonly name: string;
  readonly notes: string[] = [];
  readonly #series = new Map<string, Measurement[]>();
  readonly #wanted: { of: string; to: string; goal: Goal | null }[] = [];
  readonly #failures: string[] = [];
  readonly #values = new Map<string, { unit: string; goal: Goal | null; rounds: number[] }>();

  constructor(name: string) {
    this.name = name;
  }

  add(label: string, measurement: Measurement): void {
    const rounds = this.#series.get(label);
    if (rounds === undefined) this.#series.set(label, [measurement]);
    else rounds.push(measurement);
  }

  /** Asks for a ratio of two series, which need not be there yet. */
  compare(of: string, to: string, atLeast: number | null = null): void {
    const isKnown = this.#wanted.some((wanted) => wanted.of === of && wanted.to === to);
    if (!isKnown) this.#wanted.push({ of, to, goal: atLeast === null ? null : { atLeast } });
  }

  /** One round's value of a figure that is no rate. */
  value(label: string, value: number, { unit, goal = null }: { unit: string; goal?: Goal | null }): void {
    const known = this.#values.get(label);
    if (known === undefined) this.#values.set(label, { unit, goal, rounds: [value] });
    else known.rounds.push(value);
  }

  get values(): Value[] {
    return [...this.#values].map(([label, value]) => ({ label, ...value, spread: spreadOf(value.rounds) }));
  }

  /** A series that could not be measured; the rest stands. */
  fail(label: string, reason: string): void {
    this.#failures.push(`${label}: ${reason}`);
  }

  get series(): ReadonlyMap<string, readonly Measurement[]> {
    return this.#series;
  }

  /** Runs that prove nothing and those that were not had at all. */
  get voids(): string[] {
    const voids = [...this.#series].flatMap(([label, rounds]) =>
      rounds.flatMap(({ voidReason }) => (voidReason === null ? [] : [`${label}: ${voidReason}`])),
    );
    return [...voids, ...this.#failures].map((reason) => `${this.name}, ${reason}`);
  }

  /** Rounds are compared with their own counterparts, because a shared machine changes between rounds. */
  get ratios(): Ratio[] {
    return this.#wanted.flatMap(({ of, to, goal }) => {
      const above = this.#series.get(of) ?? [];
      const below = this.#series.get(to) ?? [];
      const rounds = above.flatMap((one, round) => ratioOf(one, below[round]));
      // What has a goal is told even if it could not be measured.
      return rounds.length === 0 && goal === null ? [] : [{ of, to, goal, rounds, spread: spreadOf(rounds) }];
    });
  }

  toJSON(): CaseFigures {
    const { name, notes, ratios, values, voids } = this;
    return { name, series: Object.fromEntries(this.#series), ratios, values, voids, notes };
  }
}

/** None when there is nothing on the other side, or one of them proves nothing. */
function ratioOf(of: Measurement, to: Measurement | undefined): number[] {
  return to === undefined || of.voidReason !== null || to.voidReason !== null ? [] : [of.perS / to.perS];
}

/** By the median. */
export function isMet(goal: Goal, { median }: Spread): boolean {
  return 'atLeast' in goal ? median >= goal.atLeast : median <= goal.atMost;
}

export function spreadOf(values: readonly number[]): Spread {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const [lower, upper] = [sorted[sorted.length % 2 === 0 ? middle - 1 : middle], sorted[middle]];
  return { median: ((lower ?? 0) + (upper ?? 0)) / 2, min: sorted[0] ?? 0, max: sorted.at(-1) ?? 0 };
}

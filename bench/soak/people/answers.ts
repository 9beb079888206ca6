/** How requests were answered: for each code how many, and how long they took. */
import { build, type Histogram } from 'hdr-histogram-js';
import type { Said } from './http-door.ts';

export type CodeRow = { code: string; answers: number; p50: number; p99: number; max: number };

export class Answers {
  readonly #tookUs = new Map<string, Histogram>();

  add({ status, code, tookMs }: Said): void {
    const name = code === '' ? String(status) : `${status} ${code}`;
    let histogram = this.#tookUs.get(name);
    if (histogram === undefined) {
      histogram = build({ bitBucketSize: 32, numberOfSignificantValueDigits: 3 });
      this.#tookUs.set(name, histogram);
    }
    histogram.recordValue(Math.round(tookMs * 1_000));
  }

  get count(): number {
    return this.rows().reduce((sum, { answers }) => sum + answers, 0);
  }

  /** Times in milliseconds, by status and code. */
  rows(): CodeRow[] {
    return [...this.#tookUs].sort().map(([code, histogram]) => ({
      code,
      answers: histogram.totalCount,
      p50: histogram.getValueAtPercentile(50) / 1_000,
      p99: histogram.getValueAtPercentile(99) / 1_000,
      max: histogram.maxValue / 1_000,
    }));
  }
}

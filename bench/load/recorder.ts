/** Counts answers and their latencies; only what falls into the measured window makes figures, all of it is counted. */
import { build, type Histogram } from 'hdr-histogram-js';
import { errorName } from '../../protocol/errors.ts';
import { OUTCOMES_MAX } from './dialects/dialect.ts';
import type { Latency } from './job.ts';

const LATENCY_US_MAX = 120_000_000;

export type RecorderOptions = {
  /** Times are those of `performance.now()`. */
  fromMs: number;
  toMs: number;
  /** Latency is taken of one request in so many. */
  latencyEvery: number;
};

export class Recorder {
  /** Claims. */
  sent = 0;
  answered = 0;
  readonly #options: RecorderOptions;
  readonly #histogram: Histogram = build({
    bitBucketSize: 32,
    lowestDiscernibleValue: 1,
    highestTrackableValue: LATENCY_US_MAX,
    numberOfSignificantValueDigits: 3,
  });
  readonly #outcomes = new Float64Array(OUTCOMES_MAX);
  #untilLatency = 1;
  #answeredInWindow = 0;
  #lastAnswerMs = 0;

  constructor(options: RecorderOptions) {
    this.#options = options;
  }

  get unanswered(): number {
    return this.sent - this.answered;
  }

  counted(outcome: number, claims: number, nowMs: number): void {
    const { fromMs, toMs } = this.#options;
    this.answered += claims;
    this.#lastAnswerMs = nowMs;
    this.#outcomes[outcome] = (this.#outcomes[outcome] as number) + claims;
    if (nowMs >= fromMs && nowMs < toMs) this.#answeredInWindow += claims;
  }

  /** `dueMs` is when the request was due, which in an open loop is before it could be sent. */
  settled(dueMs: number, nowMs: number): void {
    if (--this.#untilLatency > 0) return;
    this.#untilLatency = this.#options.latencyEvery;
    const { fromMs, toMs } = this.#options;
    if (dueMs >= fromMs && dueMs < toMs) this.#histogram.recordValue(Math.round((nowMs - dueMs) * 1_000));
  }

  /** Ends with the last answer where requests ran out before. */
  get windowMs(): number {
    const { fromMs, toMs } = this.#options;
    return Math.max(0, Math.min(toMs, this.#lastAnswerMs) - fromMs);
  }

  get perS(): number {
    return this.windowMs === 0 ? 0 : (this.#answeredInWindow / this.windowMs) * 1_000;
  }

  get latencyMs(): Latency {
    const at = (percentile: number) => this.#histogram.getValueAtPercentile(percentile) / 1_000;
    return { p50: at(50), p99: at(99), p999: at(99.9), max: this.#histogram.maxValue / 1_000 };
  }

  get outcomes(): Record<string, number> {
    const named: Record<string, number> = {};
    for (const [outcome, count] of this.#outcomes.entries()) {
      if (count > 0) named[errorName(outcome) ?? `${outcome}`] = count;
    }
    return named;
  }
}

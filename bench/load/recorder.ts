/** Counts answers and their latencies; only what falls into the measured window makes figures, all of it is counted. */
import { build, type Histogram } from 'hdr-histogram-js';
import { errorName } from '../../protocol/errors.ts';
import type { Latency } from './job.ts';
import { OUTCOMES_MAX } from './replies.ts';

const LATENCY_US_MAX = 120_000_000;

export class Recorder {
  sent = 0;
  answered = 0;
  readonly #window: { fromMs: number; toMs: number };
  readonly #histogram: Histogram = build({
    bitBucketSize: 32,
    lowestDiscernibleValue: 1,
    highestTrackableValue: LATENCY_US_MAX,
    numberOfSignificantValueDigits: 3,
  });
  readonly #outcomes = new Float64Array(OUTCOMES_MAX);
  #answeredInWindow = 0;
  #lastAnswerMs = 0;

  /** Times are those of `performance.now()`. */
  constructor(window: { fromMs: number; toMs: number }) {
    this.#window = window;
  }

  get unanswered(): number {
    return this.sent - this.answered;
  }

  /** `dueMs` is when the request was due, which in an open loop is before it could be sent. */
  answer(outcome: number, dueMs: number, nowMs: number): void {
    const { fromMs, toMs } = this.#window;
    this.answered++;
    this.#lastAnswerMs = nowMs;
    this.#outcomes[outcome] = (this.#outcomes[outcome] ?? 0) + 1;
    if (nowMs >= fromMs && nowMs < toMs) this.#answeredInWindow++;
    if (dueMs >= fromMs && dueMs < toMs) this.#histogram.recordValue(Math.round((nowMs - dueMs) * 1_000));
  }

  /** Ends with the last answer where requests ran out before. */
  get windowMs(): number {
    return Math.max(0, Math.min(this.#window.toMs, this.#lastAnswerMs) - this.#window.fromMs);
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

/**
 * How far a long command has come, for whoever watches it: on a terminal a line that is drawn over itself, with a bar, the
 * rate and the time left; elsewhere a JSON line each second. It writes only what it is told, and never after `end`.
 *
 * The rate is that of the last seconds and not of the whole, because a command may go on where another one stopped, and
 * because a store that has slowed down is what its watcher wants to see.
 */
import type { Runtime } from '../protocol/runtime.ts';

export type ProgressSink = {
  isTerminal: boolean;
  /** Width of the terminal, asked for each line. */
  columns: () => number;
  write: (text: string) => void;
};
/** `done` of `total` in one unit, such as bytes of a file; null where nobody knows how much there is. `items` are counted for people. */
export type Step = { done: number; total: number | null; items: number };
export type ProgressOptions = {
  runtime: Pick<Runtime, 'monotonicMs'>;
  sink: ProgressSink;
  /** What is being done: `qualify summer`. */
  label: string;
  /** What `items` are: `rows`. */
  unit: string;
};

const TERMINAL_MS = 100;
const LINES_MS = 1_000;
/** Weight of the past in the rate falls to a third in this time. */
const MEMORY_MS = 5_000;
const BAR_LENGTH = 24;
const CLEAR_LINE = '\r\u001b[2K';

export class Progress {
  readonly #options: ProgressOptions;
  #shownAt = Number.NEGATIVE_INFINITY;
  #sampledAt: number | null = null;
  #sample: Step = { done: 0, total: null, items: 0 };
  #donePerMs = 0;
  #itemsPerMs = 0;

  constructor(options: ProgressOptions) {
    this.#options = options;
  }

  /** To be called as often as there is something new; most calls show nothing. */
  show(step: Step): void {
    const now = this.#options.runtime.monotonicMs();
    const everyMs = this.#options.sink.isTerminal ? TERMINAL_MS : LINES_MS;
    if (this.#sampledAt !== null && now - this.#shownAt < everyMs) return;
    this.#measure(step, now);
    this.#write(step, now);
  }

  /** The last word; the terminal's line stays. */
  end(step: Step): void {
    const now = this.#options.runtime.monotonicMs();
    this.#measure(step, now);
    this.#write(step, now);
    if (this.#options.sink.isTerminal) this.#options.sink.write('\n');
  }

  /** The first step is where it begins. */
  #measure(step: Step, now: number): void {
    const ms = now - (this.#sampledAt ?? now);
    if (ms > 0) {
      const isFirst = this.#donePerMs === 0 && this.#itemsPerMs === 0;
      const past = isFirst ? 0 : Math.exp(-ms / MEMORY_MS);
      this.#donePerMs = past * this.#donePerMs + (1 - past) * ((step.done - this.#sample.done) / ms);
      this.#itemsPerMs = past * this.#itemsPerMs + (1 - past) * ((step.items - this.#sample.items) / ms);
    }
    if (ms > 0 || this.#sampledAt === null) {
      this.#sample = step;
      this.#sampledAt = now;
    }
  }

  #write(step: Step, now: number): void {
    const { sink } = this.#options;
    this.#shownAt = now;
    sink.write(
      sink.isTerminal ? CLEAR_LINE + this.#line(step).slice(0, Math.max(1, sink.columns() - 1)) : this.#json(step),
    );
  }

  #json({ done, total, items }: Step): string {
    const { label: progress, unit } = this.#options;
    const perSecond = Math.round(this.#itemsPerMs * 1_000);
    return `${JSON.stringify({ progress, done, total, [unit]: items, perSecond, leftMs: this.#leftMs({ done, total }) })}\n`;
  }

  #line({ done, total, items }: Step): string {
    const { label, unit } = this.#options;
    const perSecond = Math.round(this.#itemsPerMs * 1_000);
    const leftMs = this.#leftMs({ done, total });
    return [
      label,
      total === null ? null : `${barOf(done, total)} ${percentOf(done, total)} %`,
      `${grouped(items)} ${unit}`,
      `${grouped(perSecond)}/s`,
      leftMs === null ? null : `${timeText(leftMs)} left`,
    ]
      .filter((part) => part !== null)
      .join('  ');
  }

  #leftMs({ done, total }: { done: number; total: number | null }): number | null {
    if (total === null || (this.#donePerMs <= 0 && done < total)) return null;
    return done >= total ? 0 : Math.round((total - done) / this.#donePerMs);
  }
}

function shareOf(done: number, total: number): number {
  return total === 0 ? 1 : Math.min(1, done / total);
}

/** Never 100 before the end. */
function percentOf(done: number, total: number): number {
  return Math.floor(shareOf(done, total) * 100);
}

function barOf(done: number, total: number): string {
  const filled = Math.floor(shareOf(done, total) * BAR_LENGTH);
  return `[${'#'.repeat(filled)}${'-'.repeat(BAR_LENGTH - filled)}]`;
}

function grouped(value: number): string {
  return String(value).replace(/\B(?=(\d{3})+$)/g, ',');
}

function timeText(ms: number): string {
  const seconds = Math.ceil(ms / 1_000);
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  return minutes < 60 ? `${minutes} min ${seconds % 60} s` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

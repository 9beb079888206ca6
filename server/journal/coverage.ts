/**
 * Up to when the store has everything that this journal granted. A claim is acknowledged only once its block is durable, so
 * what was acknowledged by a moment lies before the journal's durable end of that moment; the store has it all once the
 * projection has passed that end. Points of that kind are noted now and then, and the last one that was passed is the
 * answer: true whenever it is given, and late by at most the time between two points.
 */
const POINTS_MAX = 1_024;

/** By `at`, milliseconds since 1970, everything that had been acknowledged lay before `head`. */
type Point = { head: number; at: number };

export class Coverage {
  #points: Point[] = [];
  /** Between two points; it grows with a backlog that lasts, so that its memory does not. */
  #gapMs = 0;

  /** Points come in the order of time. Those that `mark` has passed are forgotten but for the last. */
  note(point: Point, mark: number): void {
    const points = this.#points;
    const last = points.at(-1);
    const passed = points.findLastIndex(({ head }) => head <= mark);
    if (passed > 0) points.splice(0, passed);
    if (points.length <= 1) this.#gapMs = 0;
    if (last !== undefined && point.at - last.at < this.#gapMs) return;
    points.push(point);
    if (points.length <= POINTS_MAX) return;
    this.#points = points.filter((_, i) => i % 2 === 0);
    this.#gapMs = (2 * (point.at - (points[0] as Point).at)) / POINTS_MAX;
  }

  /** Null while no point has been passed. */
  asOf(mark: number): number | null {
    return this.#points.findLast(({ head }) => head <= mark)?.at ?? null;
  }
}

/** A Runtime whose time moves only when a test says so. What is due runs in order, with promises settled in between. */
import type { Runtime } from '../runtime.ts';
import { type Chance, chanceOf } from './random.ts';

export type VirtualTime = Runtime & {
  /** Moves time on, running what falls due on the way. */
  advance(ms: number): Promise<void>;
  /** Lets everything that needs no time happen. */
  settle(): Promise<void>;
};

const ORIGIN_MS = Date.parse('2026-05-18T00:00:00Z');
const SETTLE_ROUNDS = 5;

export function virtualTime(chance: Chance = chanceOf(1)): VirtualTime {
  let now = 0;
  const timers = new Set<{ at: number; run: () => void }>();

  async function settle(): Promise<void> {
    for (let round = 0; round < SETTLE_ROUNDS; round++) await new Promise((resolve) => setImmediate(resolve));
  }
  function nextDue(until: number): { at: number; run: () => void } | undefined {
    let next: { at: number; run: () => void } | undefined;
    for (const timer of timers) if (timer.at <= until && (next === undefined || timer.at < next.at)) next = timer;
    return next;
  }

  return {
    monotonicMs: () => now,
    wallMs: () => ORIGIN_MS + now,
    after(ms, run) {
      const timer = { at: now + ms, run };
      timers.add(timer);
      return () => timers.delete(timer);
    },
    soon: (run) => setImmediate(run),
    randomBytes: (length) => chance.bytes(length),
    random: () => chance.fraction(),
    settle,
    async advance(ms) {
      const until = now + ms;
      for (let due = nextDue(until); due !== undefined; due = nextDue(until)) {
        timers.delete(due);
        now = Math.max(now, due.at);
        due.run();
        await settle();
      }
      now = until;
      await settle();
    },
  };
}

/** The machine this process runs on, as the `Runtime` that `connect` uses when none is handed in. */
import { randomBytes } from 'node:crypto';
import { performance } from 'node:perf_hooks';
import type { Runtime } from '../protocol/runtime.ts';

export const nodeRuntime: Runtime = {
  monotonicMs: () => performance.now(),
  wallMs: () => Date.now(),
  after(ms, run) {
    const timer = setTimeout(run, ms).unref();
    return () => clearTimeout(timer);
  },
  soon(run) {
    setImmediate(run);
  },
  randomBytes: (length) => randomBytes(length),
  random: () => Math.random(),
};

const LONGEST_TIMER_MS = 0x7fffffff;

/**
 * Keeps this process alive until the returned function is called. A client that waits to connect again has no socket
 * and only timers that keep nothing alive: without this a program would end in the middle of an `await`.
 */
export function holdProcess(): () => void {
  const hold = setInterval(() => {}, LONGEST_TIMER_MS);
  return () => clearInterval(hold);
}

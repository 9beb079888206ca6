/** The real machine as a Runtime. */
import { randomBytes } from 'node:crypto';
import { performance } from 'node:perf_hooks';
import type { Runtime } from '../../protocol/runtime.ts';

export const realRuntime: Runtime = {
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

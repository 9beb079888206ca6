/** How busy this process' event loop is, for work that should give way. */
import { type EventLoopUtilization, performance } from 'node:perf_hooks';

/** The part of the time since the last call in which the loop was at work, from 0 to 1. */
export function loopLoad(): () => number {
  let last: EventLoopUtilization = performance.eventLoopUtilization();
  return () => {
    const now = performance.eventLoopUtilization();
    const { utilization } = performance.eventLoopUtilization(now, last);
    last = now;
    return utilization;
  };
}

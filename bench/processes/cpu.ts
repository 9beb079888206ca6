/** CPU time of other processes, by Linux's own books; elsewhere there is none and figures show a dash. */
import { readFileSync } from 'node:fs';

/** Kernel ticks per second, which Linux has fixed for programs at 100 on all its common platforms. */
const TICKS_PER_S = 100;
/** Fields 14 and 15 of proc(5), counted from behind the name in brackets. */
const USER_AT = 11;
const SYSTEM_AT = 12;

/** Milliseconds that all threads of these processes have run so far; null when that cannot be read. */
export function cpuMsOf(pids: readonly number[]): number | null {
  try {
    return pids.reduce((sum, pid) => sum + cpuMsOfOne(pid), 0);
  } catch {
    return null;
  }
}

function cpuMsOfOne(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return ((Number(fields[USER_AT]) + Number(fields[SYSTEM_AT])) * 1_000) / TICKS_PER_S;
}

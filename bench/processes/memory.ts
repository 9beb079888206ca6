/** Memory of other processes that no file backs, by Linux's own books; elsewhere there is none and figures show a dash. */
import { readFileSync } from 'node:fs';

/** MiB of anonymous resident memory of these processes together; null when that cannot be read. */
export function anonymousMiBOf(pids: readonly number[]): number | null {
  if (pids.length === 0) return null;
  try {
    return pids.reduce((sum, pid) => sum + anonymousKiBOf(pid), 0) / 1_024;
  } catch {
    return null;
  }
}

function anonymousKiBOf(pid: number): number {
  const [, kib] = /^Anonymous:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'latin1')) ?? [];
  return Number(kib ?? Number.NaN);
}

/**
 * Whether processes that are not children of the test still run. One that has ended and was not collected does not: that
 * is up to the machine's first process, which may take seconds or, in a container, never come to it.
 */
import { readdirSync, readFileSync } from 'node:fs';

/** Whether the process runs. */
export function isAlive(pid: number): boolean {
  return isThere(pid) && !isZombie(String(pid), null);
}

/** Whether a process of that group runs. */
export function hasAlive(group: number): boolean {
  if (!isThere(-group)) return false;
  // Where there is no such folder, what is there counts as running.
  if (process.platform !== 'linux') return true;
  return readdirSync('/proc').some((name) => /^\d+$/.test(name) && isZombie(name, group) === false);
}

function isThere(target: number): boolean {
  try {
    return process.kill(target, 0);
  } catch {
    return false;
  }
}

/** Null for a process of another group than the one that is asked for, and for one that is not to be seen. */
function isZombie(pid: string, group: number | null): boolean | null {
  try {
    // The name, in parentheses, may hold anything. Behind it come the state, the parent and the group.
    const [state, , groupOf] = readFileSync(`/proc/${pid}/stat`, 'latin1')
      .replace(/^.*\) /s, '')
      .split(' ');
    return group === null || Number(groupOf) === group ? state === 'Z' || state === 'X' : null;
  } catch {
    return null;
  }
}

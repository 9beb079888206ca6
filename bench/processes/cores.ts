/** Which cores the measured system and the load process get, so that neither takes the other's time. */
import { execFileSync } from 'node:child_process';
import { availableParallelism } from 'node:os';

/** Lists as `taskset` takes them; undefined leaves the choice to the system. */
export type Cores = { system: string | undefined; load: string | undefined };

export const ANY_CORES: Cores = { system: undefined, load: undefined };

/** The last core generates load and the others serve. `taskset` must be there and two cores. */
export function coresApart(): Cores {
  const count = availableParallelism();
  if (count < 2 || !hasTaskset()) return ANY_CORES;
  return { system: count === 2 ? '0' : `0-${count - 2}`, load: `${count - 1}` };
}

function hasTaskset(): boolean {
  try {
    execFileSync('taskset', ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

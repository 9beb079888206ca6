/** Which cores the measured system and the load process get, so that neither takes the other's time. */
import { execFileSync } from 'node:child_process';
import { availableParallelism } from 'node:os';

/** Lists as `taskset` takes them; undefined leaves the choice to the system. */
export type Cores = { system: string | undefined; load: string | undefined };

/** `on`: the last core generates load and the others serve; `load`: that core does, and all serve. */
export function coresFor(pin: 'on' | 'load' | 'off'): Cores {
  const apart = coresApart();
  return { on: apart, load: { system: undefined, load: apart.load }, off: ANY_CORES }[pin];
}

export const ANY_CORES: Cores = { system: undefined, load: undefined };

/** `taskset` must be there and two cores. */
function coresApart(): Cores {
  const count = availableParallelism();
  if (count < 2 || !hasTaskset()) return ANY_CORES;
  return { system: count === 2 ? '0' : `0-${count - 2}`, load: `${count - 1}` };
}

/** For people; null where the system decides. */
export function coresText({ system, load }: Cores): string | null {
  if (load === undefined) return null;
  if (system === undefined) return `core ${load} loads, all serve`;
  return `core ${system} serves and core ${load} loads; with MongoDB all serve`;
}

function hasTaskset(): boolean {
  try {
    execFileSync('taskset', ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

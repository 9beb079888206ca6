/** What the database servers beside claimd have in common. */
import { execFileSync } from 'node:child_process';
import type { Target } from '../load/job.ts';

export type Peer = { target: Target; pids: readonly number[]; stop(): Promise<void> };

/** What a program prints when asked for its version, through a pattern with one group; null when it is not there. */
export function versionBy(command: string, pattern: RegExp): string | null {
  try {
    const output = execFileSync(command, ['--version'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
    return pattern.exec(output)?.[1] ?? null;
  } catch {
    return null;
  }
}

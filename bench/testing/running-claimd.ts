/** A real claimd for tests, as processes of its own in a temporary folder that goes with it. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Processes } from '../processes/child.ts';
import { type Claimd, type ClaimdOptions, startClaimd } from '../processes/claimd.ts';

export async function withClaimd(
  options: Omit<ClaimdOptions, 'folder'>,
  use: (claimd: Claimd) => Promise<void>,
): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'claimd-bench-test-'));
  const processes = new Processes();
  try {
    await use(await startClaimd(processes, { ...options, folder }));
  } finally {
    await processes.close();
    await rm(folder, { recursive: true, force: true });
  }
}

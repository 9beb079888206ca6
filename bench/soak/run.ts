/** One campaign from its name to its findings: folders, processes and seed are made here and gone afterwards. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Mode } from '../../protocol/mode.ts';
import { chanceOf } from '../../protocol/testing/random.ts';
import { Processes } from '../processes/child.ts';
import { type Campaign, type Context, modesOf, type StoreKind } from './campaign.ts';
import { Findings } from './findings.ts';

export type RunOptions = { seed: number; rounds?: number; store?: StoreKind; mode?: Mode; length?: Context['length'] };

/** Rejects when the campaign could not be carried out; what it found wrong is in the findings. */
export async function runCampaign(campaign: Campaign, options: RunOptions): Promise<Findings> {
  const { seed, length = 'full' } = options;
  const store = options.store ?? (campaign.stores[0] as StoreKind);
  const mode = options.mode ?? (modesOf(campaign, store)[0] as Mode);
  const rounds = options.rounds ?? campaign.rounds[store];
  const folder = await mkdtemp(join(tmpdir(), 'claimd-soak-'));
  const processes = new Processes();
  const findings = new Findings();
  try {
    await campaign.run({ rounds, store, mode, chance: chanceOf(seed), folder, processes, findings, length });
    return findings;
  } finally {
    await processes.close();
    await rm(folder, { recursive: true, force: true });
  }
}

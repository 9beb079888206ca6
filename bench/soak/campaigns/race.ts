/**
 * The race kit through two servers and their edges on one replica set: every player many times at once, with the lock queue
 * and without, and a sale that ten thousand want a hundred units of.
 */
import { credentialsOf } from '../../credentials/data-folder.ts';
import { race } from '../../race/race.ts';
import type { Campaign, Context } from '../campaign.ts';
import { withReplicaSet } from '../replica-set.ts';
import { startTwo, type TwoServers } from '../two-servers.ts';

type Heat = { name: string; lockQueue: 'on' | 'off'; players: number; duplicates: number; stock: number | null };

const HEATS: Readonly<Record<Context['length'], readonly Heat[]>> = {
  full: [
    { name: '1,000 × 50', lockQueue: 'on', players: 1_000, duplicates: 50, stock: null },
    { name: '1,000 × 50, guard alone', lockQueue: 'off', players: 1_000, duplicates: 50, stock: null },
    { name: '10,000 for 100', lockQueue: 'on', players: 10_000, duplicates: 1, stock: 100 },
    { name: '10,000 for 100, guard alone', lockQueue: 'off', players: 10_000, duplicates: 1, stock: 100 },
  ],
  short: [
    { name: '100 × 20, guard alone', lockQueue: 'off', players: 100, duplicates: 20, stock: null },
    { name: '500 for 50, guard alone', lockQueue: 'off', players: 500, duplicates: 1, stock: 50 },
  ],
};

export const race2: Campaign = {
  help: 'the race kit through two servers and two edges on one replica set',
  rounds: { lmdb: 0, mongo: 1 },
  stores: ['mongo'],
  modes: ['direct', 'journal'],
  run: (context) => withReplicaSet(1, (set) => races(context, set.freshUri())),
};

async function races(context: Context, storeUri: string): Promise<void> {
  for (const lockQueue of ['on', 'off'] as const) {
    const heats = HEATS[context.length].filter((heat) => heat.lockQueue === lockQueue);
    if (heats.length === 0) continue;
    const cache = lockQueue === 'off' ? ['--claim-cache', '0'] : [];
    const settings = ['--lock-queue', lockQueue, ...cache];
    const { servers, data } = await startTwo(context, { name: lockQueue, storeUri, settings });
    for (let round = 0; round < context.rounds; round++) {
      for (const heat of heats) await runHeat(context, heat, { servers, data });
    }
    for (const server of servers) await server.stop();
  }
}

async function runHeat({ findings, mode }: Context, heat: Heat, { servers, data }: TwoServers): Promise<void> {
  const { name, players, duplicates, stock } = heat;
  const { service, signer } = await credentialsOf(data);
  const report = await race({
    servers: servers.map(({ address }) => address),
    edges: servers.map(({ http }) => `http://${http}`),
    service,
    signer,
    players,
    duplicates,
    stock,
    mode,
    // Only one of the two writes the journal, and the race takes the doors in turn.
    tolerate: mode === 'journal' ? 'retries' : 'nothing',
  });
  for (const fault of report.faults) findings.violation(`${name}: ${fault}`);
  const { granted, codes, serverErrors, stored, elapsedMs } = report;
  findings.row({
    heat: name,
    granted,
    'already claimed': codes.ALREADY_CLAIMED ?? 0,
    'sold out': codes.SOLD_OUT ?? 0,
    '5xx': serverErrors,
    stored,
    'per second': Math.round((report.requests / elapsedMs) * 1_000),
  });
}

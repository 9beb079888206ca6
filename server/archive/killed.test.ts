/** kill -9 at random moments, again and again on the same data: nothing is lost, and nothing removed that is not in a sealed file. */
import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { assert, suite } from '../../protocol/testing/kit.ts';
import { launchOf } from '../../protocol/testing/launch.ts';
import { chanceOf } from '../../protocol/testing/random.ts';
import { realRuntime } from '../lib/runtime.ts';
import { openLmdbStore } from '../store/lmdb/open.ts';
import type { ClaimRecord, Store } from '../store/store.ts';
import { lineOf } from './claim-line.ts';
import { archivedIn, createEvent, dayBefore, putOldClaims, sorted, usersNamed } from './testing/old-claims.ts';

const test = suite('archive, killed');
const SEED = 20_261_122;
const KILLS = 10;
const DAYS = 20;
const USERS = 1_000;
/** A kill comes within so many steps; a day takes sixteen, and as many steps as there are days come first. */
const STEPS_MAX = 70;
const PROGRAM = launchOf('./testing/archive-program.ts', import.meta.url);

type Kill = { steps: number; ms: number };

/** Resolves with what it said at last. It is killed so long after so many steps, if it makes as many. */
async function archived(directory: string, kill: Kill | null): Promise<string> {
  const args = [...PROGRAM, directory, 'to', String(Date.now())];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  let said = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    const isDue = kill !== null && said.length < kill.steps && said.length + text.length >= kill.steps;
    said += text;
    if (isDue) void delay(kill.ms).then(() => child.kill('SIGKILL'));
  });
  const [code, signal] = await new Promise<[number | null, string | null]>((resolve) =>
    child.on('close', (...how) => resolve(how)),
  );
  if (code !== 0 && signal !== 'SIGKILL') throw new Error(`ended with ${code}`);
  return said.replaceAll('.', '');
}

async function withStore<T>(directory: string, use: (store: Store) => Promise<T>): Promise<T> {
  const store = await openLmdbStore({ directory, runtime: realRuntime });
  return use(store).finally(() => store.close());
}

async function madeClaims(store: Store): Promise<ClaimRecord[]> {
  const event = await createEvent(store, { eventKey: 'daily', period: 'daily', stock: 1_000_000 });
  const claims: ClaimRecord[] = [];
  for (let days = 3; days < 3 + DAYS; days++) {
    const { id, startsAt } = dayBefore(days);
    claims.push(
      ...(await putOldClaims(store, { event, period: id, grantedAt: startsAt, users: usersNamed('u', USERS) })),
    );
  }
  return claims;
}

/** Every claim is in the store or in a sealed file, as it was made. Resolves to how many are in the store. */
async function demandAll(directory: string, claims: readonly ClaimRecord[]): Promise<number> {
  const inFiles = new Map(archivedIn(join(directory, 'to')).claims.map((claim) => [claim.claimKey, claim]));
  const stored = await withStore(directory, (store) => store.claims.byKey(claims.map(({ claimKey }) => claimKey)));
  const wrong = claims.filter((claim, i) => {
    const found = stored[i] ?? inFiles.get(claim.claimKey);
    return found === undefined || lineOf(found) !== lineOf(claim);
  });
  assert.equal(wrong, []);
  return stored.filter((claim) => claim !== null).length;
}

test(
  `${KILLS} × kill -9 in the middle of ${DAYS * USERS} claims (seed ${SEED})`,
  async () => {
    const chance = chanceOf(SEED);
    const directory = await mkdtemp(join(tmpdir(), 'claimd-killed-'));
    try {
      const claims = await withStore(directory, madeClaims);
      const left: number[] = [];
      for (let kills = 0; kills < KILLS; kills++) {
        const kill = { steps: 1 + chance.integer(STEPS_MAX), ms: chance.integer(10) };
        const said = await archived(directory, kill);
        assert.is(said, '', 'it came to its end');
        // What was lost is missing at the end as well; in between it is enough to look now and then.
        if (kills % 4 === 3) left.push(await demandAll(directory, claims));
      }
      assert.ok(
        left.every((count) => count > 0 && count < claims.length),
        `killed with ${left} claims left`,
      );
      const said = await archived(directory, null);
      assert.match(said, /^done [1-9]/);
      assert.is(await demandAll(directory, claims), 0);
      assert.equal(archivedIn(join(directory, 'to')).claims, sorted(claims));
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
  },
  { deadlineMs: 120_000 },
);

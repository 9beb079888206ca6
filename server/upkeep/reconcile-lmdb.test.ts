/** Each mismatch is put into the embedded store by hand, and is found. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Result } from '../../protocol/results.ts';
import { assert, suite } from '../../protocol/testing/kit.ts';
import { decodeMismatch, decodeStore } from '../../protocol/upkeep.ts';
import { realRuntime } from '../lib/runtime.ts';
import { closeEnvironment, openEnvironment, type Tables } from '../store/lmdb/environment.ts';
import { type IndexEntry, NO_TAG } from '../store/lmdb/index-entry.ts';
import { storedOf, timeRow } from '../store/lmdb/layout.ts';
import { openLmdbStore } from '../store/lmdb/open.ts';
import { periodRowOf } from '../store/lmdb/periods.ts';
import { claimOfKey } from '../store/lmdb/rows.ts';
import type { ClaimRecord } from '../store/store.ts';
import { type Running, startServer } from '../testing/servers.ts';
import { JOURNAL_SEGMENT_BYTES } from '../testing/stores.ts';
import { claimed, comparison } from './testing/comparison.ts';

const test = suite('reconcile, embedded');

type World = { running: Running; asOf: number; plant(write: (tables: Tables) => void): void };

async function withClaims(body: (world: World) => Promise<void>): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'claimd-upkeep-'));
  const store = await openLmdbStore({
    ...{ directory, runtime: realRuntime, nodeId: 'n0' },
    journalSegmentBytes: JOURNAL_SEGMENT_BYTES,
  });
  const running = await startServer(store);
  // The same files once more in this process: LMDB gives both the same handle.
  const environment = openEnvironment(join(directory, 'store'));
  try {
    const asOf = await claimed(running.client);
    assert.equal(await comparison(running.client, asOf), []);
    await body({ running, asOf, plant: (write) => environment.root.transactionSync(() => write(environment.tables)) });
  } finally {
    await running.stop();
    await closeEnvironment(environment);
    await store.close();
    rmSync(directory, { recursive: true, force: true });
  }
}

function claimIn(tables: Tables, claimKey: string): ClaimRecord {
  const claim = claimOfKey(tables, claimKey);
  if (claim === null) throw new Error(`${claimKey} is not there`);
  return claim;
}

function change(tables: Tables, claimKey: string, fields: Partial<ClaimRecord>): void {
  const claim = claimIn(tables, claimKey);
  tables.claims.putSync(timeRow(claim), storedOf({ ...claim, ...fields }));
}

test('a claim that is not there, one that its user does not find, one there twice, a request id that leads nowhere', () =>
  withClaims(async ({ running, asOf, plant }) => {
    plant((tables) => {
      const { index, fresh } = tables;
      /** Makes other entries of the one of this claim. */
      const replace = ({ userId, period, eventKey }: ClaimRecord, make: (entry: IndexEntry) => IndexEntry[]) => {
        const hash = index.hashOf(userId);
        const series = periodRowOf(tables, { eventKey, period })?.[0];
        const entries = index.freshOf(hash).flatMap((entry) => (entry.series === series ? make(entry) : [entry]));
        fresh.removeSync(hash);
        for (const [, row] of index.freshWith(entries)) fresh.putSync(hash, row);
      };
      tables.claims.removeSync(timeRow(claimIn(tables, 'busy/-/a')));
      replace(claimIn(tables, 'plain/-/b'), () => []);
      replace(claimIn(tables, 'plain/-/c'), (entry) => [{ ...entry, tag: NO_TAG }]);
      const late = claimIn(tables, 'plain/-/d').grantedAt + 1;
      const twice = { ...claimIn(tables, 'plain/-/d'), grantedAt: late };
      tables.claims.putSync(timeRow(twice), storedOf(twice));
      replace(twice, (entry) => [entry, { ...entry, grantedAt: late }]);
    });
    assert.equal(await comparison(running.client, asOf), [
      'attemptTwice plain/-/d',
      'claimTwice plain/-/d',
      'entryWithoutClaim busy/-/a',
      'requestMissing plain/-/c',
      'unlisted plain/-/b',
    ]);
  }));

test('claims that no block has, and attempts that nobody made', () =>
  withClaims(async ({ running, asOf, plant }) => {
    plant((tables) => {
      const { attempt } = claimIn(tables, 'scarce/-/e');
      const origin = attempt.slice(0, attempt.lastIndexOf('.'));
      change(tables, 'plain/-/a', { attempt: `${origin}.900` });
      change(tables, 'plain/-/b', { attempt: claimIn(tables, 'busy/-/b').attempt });
      change(tables, 'plain/-/c', { attempt: 'by hand' });
      change(tables, 'plain/-/d', { attempt: claimIn(tables, 'plain/-/e').attempt });
      change(tables, 'stocked/-/a', { attempt: 'n0.0badb007.1' });
    });
    assert.equal(await comparison(running.client, asOf), [
      'attemptInvalid plain/-/c',
      'attemptTwice plain/-/e',
      'claimWithoutEntry plain/-/a',
      'claimWithoutEntry plain/-/b',
      'claimWithoutEntry stocked/-/a',
    ]);
  }));

test('a slot twice, a gap, a request id twice, a recorded conflict', () =>
  withClaims(async ({ running, asOf, plant }) => {
    plant((tables) => {
      change(tables, 'stocked/-/b', { slot: 1 });
      change(tables, 'plain/-/d', { requestId: 'stocked-d' });
      tables.slots.putSync('scarce/-', 7);
      const [journaled, stored] = [claimIn(tables, 'busy/-/c'), claimIn(tables, 'plain/-/c')];
      tables.conflicts.putSync('busy/-/c x', { journaled, stored, at: 1 });
    });
    assert.equal(await comparison(running.client, asOf), [
      'conflict busy/-/c',
      'requestTwice plain/-/d',
      'slotGap scarce/- 8',
      'slotGap stocked/- 3',
      'slotTwice stocked/- 1',
    ]);
    const conflicts = await running.client.request('RECONCILE', [
      null,
      asOf,
      Buffer.from('conflicts').toString('base64url'),
    ]);
    const [, , , , [tuple]] = (conflicts as { result: Result<'RECONCILE'> }).result;
    if (tuple === undefined) throw new Error('no conflict');
    const { journaled, stored } = decodeMismatch(tuple);
    assert.equal([journaled?.claimKey, journaled?.requestId], ['busy/-/c', 'busy-c']);
    assert.equal([stored?.claimKey, stored?.requestId], ['plain/-/c', 'plain-c']);
    assert.ok(journaled?.attempt !== stored?.attempt && (journaled?.grantedAt ?? 0) <= asOf);
  }));

test('what was granted later is not judged, and a comparison goes on where it was stopped', () =>
  withClaims(async ({ running: { client }, asOf, plant }) => {
    plant((tables) => change(tables, 'plain/-/c', { attempt: 'by hand' }));
    assert.equal(await comparison(client, 1), []);
    const first = await client.request('RECONCILE', [null, asOf, Buffer.from('slots').toString('base64url')]);
    assert.is(first.code, 'OK');
    const nonsense = await client.request('RECONCILE', [null, asOf, Buffer.from('moon:1').toString('base64url')]);
    assert.is(nonsense.code, 'BAD_REQUEST');
    const future = await client.request('RECONCILE', [null, Date.now() + 60_000, null]);
    assert.is(future.code, 'BAD_REQUEST');
  }));

test('the figures of the store, asked for and as metrics', () =>
  withClaims(async ({ running: { client } }) => {
    const reply = await client.request('STORES', [null]);
    if (reply.code !== 'OK') throw new Error(reply.code);
    const [[tuple]] = reply.result as Result<'STORES'>;
    if (tuple === undefined) throw new Error('no store');
    const { collections, ...store } = decodeStore(tuple);
    assert.equal(store, { store: 'main', reachable: true, journal: { backlogClaims: 0, oldestMs: 0 } });
    const [claims] = collections;
    assert.equal([claims?.name, claims?.claims, claims?.guard], ['user_events', 20, 'ok']);
    assert.ok((claims?.bytes ?? 0) > 0 && (claims?.indexBytes ?? 0) > 0);
    const metrics = await client.request('METRICS', [null]);
    const text = metrics.code === 'OK' ? Buffer.from(metrics.result as Uint8Array).toString() : '';
    assert.match(text, /"value":20,"labels":\{"store":"main","collection":"user_events"\}/);
    const elsewhere = await client.request('BACKUP', [null, 'not/absolute', 'b1']);
    assert.is(elsewhere.code, 'BAD_REQUEST');
  }));

/** What openLmdbStore refuses, and what a full disk does. */
import { chmodSync, copyFileSync, mkdirSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { assert, rejection, suite } from '../../../protocol/testing/kit.ts';
import { realRuntime } from '../../lib/runtime.ts';
import { type ClaimDraft, type Store, StoreRefused } from '../store.ts';
import { createDraft, inserted, many, recordOf } from '../testing/fixtures.ts';
import { openMeta, openRoot } from './environment.ts';
import { FORMAT } from './layout.ts';
import { openLmdbStore } from './open.ts';
import { mountMissing, mountSmall, remount, temporaryFolder, unmount } from './testing/folder.ts';

const test = suite('lmdb folder');

async function withFolder(body: (directory: string, dataFile: string) => Promise<void>): Promise<void> {
  const folder = temporaryFolder();
  try {
    await body(folder.path, join(folder.path, 'store', 'data.mdb'));
  } finally {
    folder.remove();
  }
}

function open(directory: string): Promise<Store> {
  return openLmdbStore({ directory, runtime: realRuntime });
}

/** A refusal is one line that names the folder. */
async function refusalOf(directory: string): Promise<string> {
  const error = await rejection(open(directory));
  assert.instance(error, StoreRefused);
  assert.ok(error.message.includes(directory));
  assert.not.ok(error.message.includes('\n'));
  return error.message.replace(directory, 'DIR');
}

function pair(): [ClaimDraft, ClaimDraft] {
  const draft = createDraft();
  return [draft(), draft()];
}

async function fill(directory: string, count: number): Promise<ClaimDraft[]> {
  const draft = createDraft();
  const drafts = many(count, () => draft());
  const store = await open(directory);
  for (let from = 0; from < count; from += 500) await store.claims.insert(drafts.slice(from, from + 500));
  await store.close();
  return drafts;
}

test('data of a newer format is refused and left alone', () =>
  withFolder(async (directory) => {
    await fill(directory, 1);
    const root = openRoot(join(directory, 'store'));
    await openMeta(root).put('format', FORMAT + 1);
    await root.close();
    const line = `the data folder DIR has format ${FORMAT + 1}, of a newer version; this version reads up to ${FORMAT}`;
    assert.is(await refusalOf(directory), line);
    assert.is(await refusalOf(directory), line);
  }));

test('data from before the first release is refused and left alone', () =>
  withFolder(async (directory) => {
    await fill(directory, 1);
    for (const format of [1, 2]) {
      const root = openRoot(join(directory, 'store'));
      await openMeta(root).put('format', format);
      await root.close();
      const line = `the data folder DIR has format ${format}, from before the first release; this version reads format ${FORMAT}`;
      assert.is(await refusalOf(directory), line);
    }
  }));

test('a file that is not the store’s is refused, not mapped', () =>
  withFolder(async (directory, dataFile) => {
    mkdirSync(join(directory, 'store'));
    for (const bytes of [Buffer.alloc(100_000, 7), Buffer.alloc(100_000), Buffer.from('x')]) {
      writeFileSync(dataFile, bytes);
      assert.is(
        await refusalOf(directory),
        'the data folder DIR cannot be used: data.mdb is damaged or not a file of this store',
      );
    }
  }));

test('a data file that is cut off is refused, wherever it is cut', () =>
  withFolder(async (directory, dataFile) => {
    await fill(directory, 3_000);
    const { size } = statSync(dataFile);
    const copy = join(directory, 'copy');
    copyFileSync(dataFile, copy);
    for (const part of [0.05, 0.5, 0.9]) {
      copyFileSync(copy, dataFile);
      truncateSync(dataFile, Math.floor(size * part));
      assert.match(await refusalOf(directory), /^the data folder DIR cannot be used: data\.mdb is cut off or damaged$/);
    }
    copyFileSync(copy, dataFile);
    await (await open(directory)).close();
  }));

test('a folder that cannot be had is refused', () =>
  withFolder(async (directory) => {
    writeFileSync(join(directory, 'file'), '');
    assert.match(await refusalOf(join(directory, 'file')), /cannot be used: \w+/);
    writeFileSync(join(directory, 'store'), '');
    assert.match(await refusalOf(directory), /cannot be used: EEXIST/);
  }));

test(
  'a folder without permission is refused',
  () =>
    withFolder(async (directory) => {
      chmodSync(directory, 0o000);
      assert.match(await refusalOf(directory), /cannot be used: EACCES/);
      chmodSync(directory, 0o700);
    }),
  { skip: process.getuid?.() === 0 ? 'the superuser may open everything' : null },
);

test('a closed store answers, and stores nothing', () =>
  withFolder(async (directory) => {
    const [first, second] = pair();
    const store = await open(directory);
    const inFlight = store.claims.insert([first]);
    const closing = store.close();
    assert.equal(await inFlight, [inserted(first)]);
    assert.equal(await store.claims.insert([second]), [{ kind: 'unavailable' }]);
    await closing;
    assert.equal(await store.claims.insertStock([second], 1), [{ kind: 'unavailable' }]);
    assert.is((await rejection(store.claims.byKey([first.claimKey]))).name, 'StoreUnavailable');
    assert.is((await rejection(store.events.list({ limit: 1 }))).name, 'StoreUnavailable');
    assert.is((await rejection(store.qualifications.add('summer', ['anna']))).name, 'StoreUnavailable');
  }));

test('a draft that cannot be written takes back its whole call and no other', () =>
  withFolder(async (directory) => {
    const draft = createDraft();
    const [sound, neighbour] = [draft(), draft()];
    const tooLong = draft({ userId: 'u'.repeat(3_000) });
    const store = await open(directory);
    assert.equal(await Promise.all([store.claims.insert([sound, tooLong]), store.claims.insert([neighbour])]), [
      [{ kind: 'unavailable' }, { kind: 'unavailable' }],
      [inserted(neighbour)],
    ]);
    assert.equal(await store.claims.byKey([sound.claimKey, neighbour.claimKey]), [null, recordOf(neighbour)]);
    assert.equal(await store.claims.list({}, { limit: 10 }), [recordOf(neighbour)]);
    await store.close();
  }));

test(
  'a full disk stores nothing of the call, keeps what it has, and takes the same drafts when there is room',
  async () => {
    const disk = temporaryFolder();
    mountSmall(disk.path, '1m');
    let store: Store | null = null;
    try {
      store = await open(disk.path);
      const draft = createDraft();
      const kept: ClaimDraft[] = [];
      let refused = many(200, () => draft());
      while ((await store.claims.insert(refused))[0]?.kind === 'inserted') {
        kept.push(...refused);
        refused = many(200, () => draft());
      }
      const keys = (drafts: readonly ClaimDraft[]) => drafts.map(({ claimKey }) => claimKey);
      assert.equal(await store.claims.insert(refused), Array(200).fill({ kind: 'unavailable' }));
      assert.equal(await store.claims.byKey(keys(refused)), Array(200).fill(null));
      assert.equal(
        await store.claims.byKey(keys(kept)),
        kept.map((each) => recordOf(each)),
      );
      remount(disk.path, '8m');
      assert.equal(
        await store.claims.insert(refused),
        refused.map((each) => inserted(each)),
      );
    } finally {
      await store?.close();
      unmount(disk.path);
      disk.remove();
    }
  },
  { skip: mountMissing() },
);

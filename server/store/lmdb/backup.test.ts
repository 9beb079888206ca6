/** A backup of the embedded store and what a restore refuses; under load and over kill -9 the whole program is tested. */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { assert, rejection, suite } from '../../../protocol/testing/kit.ts';
import { realRuntime } from '../../lib/runtime.ts';
import { BackupRefused } from '../store.ts';
import { createDraft } from '../testing/fixtures.ts';
import { openLmdbStore } from './open.ts';
import { restoreInto } from './restore.ts';
import { temporaryFolder } from './testing/folder.ts';
import { openJournaled } from './testing/journaled.ts';

const test = suite('lmdb backup');

async function withFolder(body: (path: string) => Promise<void>): Promise<void> {
  const folder = temporaryFolder();
  try {
    await body(folder.path);
  } finally {
    folder.remove();
  }
}

/** Three claims in the tables and two in the journal that are not projected. */
async function backedUp(path: string): Promise<{ copy: string; keys: string[] }> {
  const directory = join(path, 'data');
  const copy = join(path, 'copy');
  const draft = createDraft();
  const store = await openLmdbStore({ directory, runtime: realRuntime });
  const journaled = await openJournaled(directory, 'boot');
  const drafts = Array.from({ length: 3 }, () => draft());
  await store.claims.insert(drafts);
  const blocks = [draft(), draft()];
  await journaled.append(blocks);
  const journalEnd = journaled.head;
  await journaled.append([draft()]);
  const summary = await store.backup?.({ directory: copy, journalEnd, onProgress: () => {} });
  assert.is(summary?.claims, 5, 'what was appended after the backup began is not in it');
  await journaled.close();
  await store.close();
  return { copy, keys: [...drafts, ...blocks].map(({ claimKey }) => claimKey) };
}

test('what is in the tables and what is only in the journal is restored; the log goes on behind it', () =>
  withFolder(async (path) => {
    const { copy, keys } = await backedUp(path);
    const to = join(path, 'to');
    await restoreInto(to, copy);
    const journaled = await openJournaled(to, 'later');
    await journaled.close();
    const store = await openLmdbStore({ directory: to, runtime: realRuntime, nodeId: 'node' });
    const projector = await store.projector?.();
    while ((await projector?.mark()) !== journaled.head) await projector?.advance(journaled.head, 1_000);
    const found = await store.claims.byKey(keys);
    assert.equal(
      found.map((claim) => claim?.claimKey),
      keys,
    );
    await store.close();
  }));

test('a backup goes into an empty folder only, and a restore where no store is', () =>
  withFolder(async (path) => {
    const { copy } = await backedUp(path);
    const store = await openLmdbStore({ directory: join(path, 'data'), runtime: realRuntime });
    const again = store.backup?.({ directory: copy, journalEnd: null, onProgress: () => {} });
    assert.match((await rejection(again ?? Promise.resolve())).message, /is not empty/);
    const inside = store.backup?.({
      directory: join(copy, 'backup.json', 'x'),
      journalEnd: null,
      onProgress: () => {},
    });
    assert.instance(await rejection(inside ?? Promise.resolve()), BackupRefused);
    await store.close();
    assert.match((await rejection(restoreInto(join(path, 'data'), copy))).message, /is there already/);
    assert.match((await rejection(restoreInto(join(path, 'to'), path))).message, /holds no backup/);
  }));

test('a damaged backup is refused and leaves nothing behind', () =>
  withFolder(async (path) => {
    const { copy } = await backedUp(path);
    for (const name of ['store/data.mdb', `journal/${readdirSync(join(copy, 'journal'))[0]}`]) {
      const whole = readFileSync(join(copy, name));
      const broken = Buffer.from(whole);
      broken[5_000] = (broken[5_000] ?? 0) ^ 1;
      writeFileSync(join(copy, name), broken);
      const refused = await rejection(restoreInto(join(path, 'to'), copy));
      assert.is(refused.message, `the backup is damaged: ${name} is not what it was`);
      assert.not(existsSync(join(path, 'to', 'store')));
      writeFileSync(join(copy, name), whole);
    }
    await restoreInto(join(path, 'to'), copy);
  }));

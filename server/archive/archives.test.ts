/** What stands in the way of an archive, and how it goes on: over a real store and real folders, with waits that are over at once. */
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { assert, rejection, suite } from '../../protocol/testing/kit.ts';
import type { Act } from '../accounts/audit.ts';
import { EventConfigs } from '../events/configs.ts';
import { Events } from '../events/events.ts';
import { createClock } from '../lib/clock.ts';
import { realRuntime } from '../lib/runtime.ts';
import { openLmdbStore } from '../store/lmdb/open.ts';
import { type ClaimRecord, type Store, StoreUnavailable } from '../store/store.ts';
import { Archives, type Asked } from './archives.ts';
import { fileOf, nameOf } from './folder.ts';
import { ArchiveRefused } from './refused.ts';
import { archivedIn, createEvent, dayBefore, putOldClaims, sorted, usersNamed } from './testing/old-claims.ts';

const test = suite('archives');
const USERS = 500;

type World = {
  store: Store;
  archives: Archives;
  claims: ClaimRecord[];
  folder: string;
  acts: Act[];
  /** Makes time go by, without a step. */
  pass(ms: number): void;
  /** Asks until it has ended. */
  done(asked?: Partial<Asked>): Promise<Awaited<ReturnType<Archives['stop']>> & object>;
  /** What the next steps are made of. */
  during: { remove: Store['archive']['remove'] };
};

async function withWorld(use: (world: World) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'claimd-archives-'));
  const store = await openLmdbStore({ directory: join(folder, 'data'), runtime: realRuntime });
  let passed = 0;
  const runtime = {
    ...realRuntime,
    after: (_: number, then: () => void) => realRuntime.after(0, then),
    monotonicMs: () => realRuntime.monotonicMs() + passed,
  };
  const clock = await createClock({ runtime: realRuntime, storeTimeMs: () => store.timeMs() });
  const { id: period, startsAt: grantedAt } = dayBefore(4);
  const event = await createEvent(store, { eventKey: 'daily', period: 'daily' });
  const claims = await putOldClaims(store, { event, period, grantedAt, users: usersNamed('u', USERS) });
  const acts: Act[] = [];
  const during = { remove: store.archive.remove };
  const archive = { ...store.archive, remove: (...args: Parameters<typeof during.remove>) => during.remove(...args) };
  const archives = new Archives({
    ...{ store: { ...store, archive }, runtime, nowMs: clock.nowMs, journal: null, onFailure: () => {} },
    events: new Events({ store, configs: new EventConfigs(store.events, runtime), clock, runtime }),
    audit: { record: async (_, ...added) => void acts.push(...added) },
  });
  async function done(asked: Partial<Asked> = {}) {
    const given = { archiveId: 'a', directory: folder, before: Date.now(), doer: { name: 'x', from: null }, ...asked };
    for (;;) {
      const answer = await archives.go(given);
      if (answer === 'busy') throw new Error('busy');
      if (answer.view.state !== 'RUNNING') return answer;
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
  const pass = (ms: number) => {
    passed += ms;
  };
  try {
    await use({ store, archives, claims, folder, acts, pass, done, during });
  } finally {
    await archives.close();
    clock.stop();
    await store.close();
    await rm(folder, { recursive: true, force: true });
  }
}

async function presentIn({ store, claims }: World): Promise<number> {
  const found = await store.claims.byKey(claims.map(({ claimKey }) => claimKey));
  return found.filter((claim) => claim !== null).length;
}

async function fileIn(folder: string, ending: string): Promise<string> {
  const found = (await readdir(folder)).find((name) => name.endsWith(ending));
  if (found === undefined) throw new Error(`nothing ends with ${ending}`);
  return join(folder, found);
}

test('what it has done is in the audit log before it is done', () =>
  withWorld(async (world) => {
    const before = Date.now();
    const { view, items } = await world.done({ before });
    assert.is(view.state, 'DONE', view.detail ?? '');
    assert.is(view.claims, USERS);
    assert.is(view.done, view.total);
    const [item] = items;
    assert.equal(
      world.acts.map(({ action, subject }) => `${action} ${subject}`),
      ['event.archived daily', 'event.archived daily'],
    );
    const { directory: _, ...after } = (world.acts[1]?.after ?? {}) as Record<string, unknown>;
    assert.equal(after, { period: item?.period, claims: USERS, file: item?.file, sha256: item?.sha256 });
    assert.is(await presentIn(world), 0);
  }));

test('a folder that cannot be written to is refused, and nothing is marked', () =>
  withWorld(async (world) => {
    const file = join(world.folder, 'file');
    await writeFile(file, '');
    for (const directory of [file, join(world.folder, 'no', 'parent'), join(file, 'below')]) {
      assert.instance(await rejection(world.done({ directory })), ArchiveRefused, directory);
    }
    const [event] = await world.store.events.get(['daily']);
    assert.is(event?.archivedUntil, undefined);
    assert.equal(world.acts, []);
  }));

/** A device that takes nothing, under the name that the file is going to have. */
const FULL = process.platform === 'linux' ? null : 'there is no /dev/full';

test(
  'a disk that is full ends it with a clear line, and nothing is removed',
  () =>
    withWorld(async (world) => {
      const { clusterId } = world.store;
      const name = nameOf({ clusterId, eventKey: 'daily', period: dayBefore(4).id, part: 1 });
      await symlink('/dev/full', join(world.folder, `${fileOf(name)}.part`));
      const { view } = await world.done();
      assert.is(view.state, 'FAILED');
      assert.is(
        view.detail,
        `no space is left in ${world.folder}: what was not archived by then is still in the store`,
      );
      assert.is(await presentIn(world), USERS);
      assert.equal(
        (await readdir(world.folder)).filter((file) => file.startsWith('claims_')),
        [],
      );
      assert.is((await world.done({ archiveId: 'b' })).view.state, 'DONE');
      assert.equal(archivedIn(world.folder).claims, sorted(world.claims));
    }),
  { skip: FULL },
);

test('one at a time; stopped in the middle, the same again goes on', () =>
  withWorld(async (world) => {
    const { archives, folder, during } = world;
    let held: () => void = () => {};
    const isHeld = new Promise<void>((resolve) => {
      during.remove = async (series, claims) => {
        const count = await world.store.archive.remove(series, claims);
        resolve();
        await new Promise<void>((go) => {
          held = go;
        });
        return count;
      };
    });
    const asked = { directory: folder, before: Date.now(), doer: { name: 'x', from: null } };
    await archives.go({ ...asked, archiveId: 'a' });
    await isHeld;
    assert.is(await archives.go({ ...asked, archiveId: 'b' }), 'busy');
    assert.is(await archives.stop('b'), null);
    const stopping = archives.stop('a');
    during.remove = world.store.archive.remove;
    held();
    const stopped = await stopping;
    assert.is(stopped?.view.state, 'STOPPED');
    const left = await presentIn(world);
    assert.ok(left > 0 && left < USERS, `${left} are left`);
    const { view, items } = await world.done({ archiveId: 'b' });
    assert.is(view.state, 'DONE');
    assert.is(view.claims, left);
    assert.is(items[0]?.claims, USERS);
    assert.equal(archivedIn(folder).claims, sorted(world.claims));
    assert.is(await presentIn(world), 0);
  }));

test('it ends when nobody asks any more', () =>
  withWorld(async (world) => {
    world.during.remove = async (series, claims) => {
      world.pass(11_000);
      return world.store.archive.remove(series, claims);
    };
    await world.archives.go({
      archiveId: 'a',
      directory: world.folder,
      before: Date.now(),
      doer: { name: 'x', from: null },
    });
    let ended = await world.archives.stop('none');
    assert.is(ended, null);
    while ((await presentIn(world)) === USERS) await new Promise((resolve) => setImmediate(resolve));
    ended = await world.archives.stop('a');
    assert.is(ended?.view.state, 'STOPPED');
    assert.is(ended?.view.detail, 'nobody asks for it any more');
  }));

test('a store that fails in the middle ends it; the same again goes on', () =>
  withWorld(async (world) => {
    let removals = 0;
    world.during.remove = async (series, claims) => {
      if (++removals === 2) throw new StoreUnavailable('gone');
      return world.store.archive.remove(series, claims);
    };
    const { view } = await world.done();
    assert.is(view.state, 'FAILED');
    assert.is(view.detail, 'gone');
    assert.is((await world.done({ archiveId: 'b' })).view.state, 'DONE');
    assert.equal(archivedIn(world.folder).claims, sorted(world.claims));
  }));

for (const [how, damage] of Object.entries({
  'cut short': (path: string) => truncate(path, 1_000),
  'changed in one byte': async (path: string) => {
    const bytes = await readFile(path);
    bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] ?? 0) ^ 1;
    await writeFile(path, bytes);
  },
  'replaced by another that is whole': async (path: string) => {
    const text = gunzipSync(await readFile(path)).toString('utf8');
    await writeFile(path, gzipSync(text.replace('"requestId":"', '"requestId":"x')));
  },
})) {
  test(`of a sealed file that was ${how} nothing more is removed`, () =>
    withWorld(async (world) => {
      world.during.remove = async () => {
        throw new StoreUnavailable('not now');
      };
      assert.is((await world.done()).view.state, 'FAILED');
      world.during.remove = world.store.archive.remove;
      const path = await fileIn(world.folder, '.ndjson.gz');
      await damage(path);
      const { view } = await world.done({ archiveId: 'b' });
      assert.is(view.state, 'FAILED');
      assert.match(view.detail ?? '', /is damaged|nothing of it was removed/);
      assert.is(await presentIn(world), USERS);
      // Another folder has nothing to go on from.
      const other = join(world.folder, 'other');
      await mkdir(other);
      assert.is((await world.done({ archiveId: 'c', directory: other })).view.state, 'DONE');
      assert.equal(archivedIn(other).claims, sorted(world.claims));
    }));
}

test('what has come into a period that is sealed goes into a further part', () =>
  withWorld(async (world) => {
    assert.is((await world.done()).view.state, 'DONE');
    const { id: period, startsAt: grantedAt } = dayBefore(4);
    const [event] = await world.store.events.get(['daily']);
    if (event === null || event === undefined) throw new Error('no event');
    const late = await putOldClaims(world.store, { event, period, grantedAt, users: ['u1', 'late'] });
    const { view } = await world.done({ archiveId: 'b' });
    assert.is(view.state, 'DONE', view.detail ?? '');
    assert.is(view.claims, 2);
    const { claims, manifests } = archivedIn(world.folder);
    assert.equal(manifests.map(({ part, claims: count }) => `${part} ${count}`).sort(), [`1 ${USERS}`, '2 2']);
    assert.equal(new Set(claims), new Set([...world.claims, ...late]));
  }));

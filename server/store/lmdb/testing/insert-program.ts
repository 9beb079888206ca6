/**
 * Run by tests under strace: `insert-program FOLDER HOW`. Says `answered USER KIND` on stdout after each insert, by a
 * plain write, so that its place among the other system calls is the moment of the answer.
 */
import { writeSync } from 'node:fs';
import { join } from 'node:path';
import { open } from 'lmdb';
import { realRuntime } from '../../../lib/runtime.ts';
import type { ClaimDraft } from '../../store.ts';
import { createDraft } from '../../testing/fixtures.ts';
import { openLmdbStore } from '../open.ts';

const INSERTS = 12;
const [, , directory = '', how = ''] = process.argv;
const draft = createDraft();
const drafts = Array.from({ length: INSERTS }, (_, index) => draft({ userId: `durable-${index}-user` }));

type Insert = (draft: ClaimDraft) => Promise<string>;

async function answer(insert: Insert, each: ClaimDraft): Promise<string> {
  const kind = await insert(each);
  writeSync(1, `answered ${each.userId} ${kind}\n`);
  return kind;
}

/** Two in flight at any time, so that commits would overlap if they could. */
async function insertAll(insert: Insert): Promise<void> {
  const waiting = [...drafts];
  const work = async () => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) await answer(insert, next);
  };
  await Promise.all([work(), work()]);
}

/** What the store must not be: LMDB that leaves the sync to the system. */
async function insertUnsynced(): Promise<void> {
  const root = open<ClaimDraft, string>({ path: join(directory, 'unsynced'), noSubdir: false, noSync: true });
  await insertAll(async (each) => ((await root.put(each.claimKey, each)) ? 'inserted' : 'taken'));
  await root.close();
}

async function insertInStore(): Promise<void> {
  const store = await openLmdbStore({ directory, runtime: realRuntime });
  const insert: Insert = async (each) => (await store.claims.insert([each]))[0]?.kind ?? 'none';
  if (how === 'together') await insertAll(insert);
  else {
    for (const each of drafts) if ((await answer(insert, each)) !== 'inserted') await answer(insert, each);
    const kept = await store.claims.byKey(drafts.map(({ claimKey }) => claimKey));
    writeSync(1, `kept ${kept.filter((claim) => claim !== null).length}\n`);
  }
  await store.close();
}

if (how === 'unsynced') await insertUnsynced();
else await insertInStore();

/** The operators' list of a journal event says up to when it is whole, and is. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { assert, suite } from '../protocol/testing/kit.ts';
import { realRuntime } from './lib/runtime.ts';
import { openLmdbStore } from './store/lmdb/open.ts';
import { type Running, startServer } from './testing/servers.ts';
import { JOURNAL_SEGMENT_BYTES } from './testing/stores.ts';

const test = suite('as of');
const PROJECTION_MS = 200;
const LISTS = 12;
/** The server's clock follows the machine's, but for so much. */
const CLOCK_MS = 5;

async function withServer(use: (running: Running) => Promise<void>): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'claimd-test-'));
  const journalSegmentBytes = JOURNAL_SEGMENT_BYTES;
  const store = await openLmdbStore({ directory, nodeId: 'test', runtime: realRuntime, journalSegmentBytes });
  const running = await startServer(store, { projectionIntervalMs: PROJECTION_MS });
  try {
    await use(running);
  } finally {
    await running.stop();
    await store.close();
    rmSync(directory, { recursive: true, force: true });
  }
}

test('whoever was answered before asOf is listed, while claims go on', () =>
  withServer(async ({ client }) => {
    await client.events.create({ eventKey: 'e', mode: 'journal' });
    const answered = new Map<string, number>();
    let isOver = false;
    async function claims(lane: string): Promise<void> {
      for (let i = 0; !isOver; i++) {
        const reply = await client.claim({ eventKey: 'e', userId: `${lane}${i}` });
        if (reply.code === 'GRANTED') answered.set(reply.claim.claimKey, realRuntime.wallMs());
      }
    }
    const lanes = ['a', 'b', 'c'].map(claims);
    let behind = 0;
    try {
      for (let list = 0; list < LISTS; list++) {
        const { keys, asOf } = await wholeList(client);
        const missing = [...answered].filter(([key, at]) => at < asOf - CLOCK_MS && !keys.has(key));
        assert.equal(missing, []);
        if (keys.size < answered.size) behind++;
      }
    } finally {
      isOver = true;
      await Promise.all(lanes);
    }
    assert.ok(behind > 0, 'some list was behind what had been granted');
    let last = await wholeList(client);
    while (last.keys.size < answered.size) last = await wholeList(client);
    assert.is(last.keys.size, answered.size);
  }));

/** Every page, and the time of the first. */
async function wholeList(client: Running['client']): Promise<{ keys: Set<string>; asOf: number }> {
  const keys = new Set<string>();
  let asOf: number | null = null;
  for (let cursor: string | null = null; ; ) {
    const page: Awaited<ReturnType<typeof client.claims.list>> = await client.claims.list({ limit: 200, cursor });
    if (page.code !== 'OK') throw new Error(page.code);
    asOf ??= page.asOf;
    for (const { claimKey } of page.items) keys.add(claimKey);
    cursor = page.nextCursor;
    if (cursor === null) return { keys, asOf: asOf ?? 0 };
  }
}

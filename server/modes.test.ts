/** Quiet and busy, switched under load on a real store: no answer but BUSY meanwhile, nothing lost, nothing twice. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ClaimReply } from '../clients/index.ts';
import type { BlockView } from '../protocol/journal.ts';
import type { Mode } from '../protocol/mode.ts';
import { assert, suite } from '../protocol/testing/kit.ts';
import { realRuntime } from './lib/runtime.ts';
import { openLmdbStore } from './store/lmdb/open.ts';
import type { Store } from './store/store.ts';
import { type Running, startServer } from './testing/servers.ts';
import { JOURNAL_SEGMENT_BYTES } from './testing/stores.ts';

const test = suite('modes');
const GRANT_GAP_MS_MAX = 3_000;
const LANES = 8;
const PACE_MS = 4;

async function withServer(use: (running: Running, store: Store) => Promise<void>): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'claimd-test-'));
  const store = await openLmdbStore({
    ...{ directory, nodeId: 'test', runtime: realRuntime },
    journalSegmentBytes: JOURNAL_SEGMENT_BYTES,
  });
  try {
    const running = await startServer(store);
    await use(running, store).finally(() => running.stop());
  } finally {
    await store.close();
    rmSync(directory, { recursive: true, force: true });
  }
}

type Load = { replies: ClaimReply[]; grantGapMsMax: number; stop(): Promise<void> };

/** Players who each ask until they are granted, without a retry of the client's own; paced, so that the machine has time for the rest. */
function load({ client }: Running, eventKey: string): Load {
  const started: Load = { replies: [], grantGapMsMax: 0, stop: async () => {} };
  let isOver = false;
  let grantedAt = performance.now();
  let users = 0;
  async function lane(): Promise<void> {
    for (let userId = `u${users++}`; !isOver; ) {
      const reply = await client.claim({ eventKey, userId, requestId: `${eventKey}-${userId}`, retry: 'never' });
      started.replies.push(reply);
      await new Promise((resolve) => setTimeout(resolve, PACE_MS));
      if (reply.code !== 'GRANTED') continue;
      started.grantGapMsMax = Math.max(started.grantGapMsMax, performance.now() - grantedAt);
      grantedAt = performance.now();
      userId = `u${users++}`;
    }
  }
  const lanes = Array.from({ length: LANES }, lane);
  started.stop = async () => {
    isOver = true;
    await Promise.all(lanes);
  };
  return started;
}

function granted(replies: readonly ClaimReply[]): string[] {
  return replies.flatMap((reply) => (reply.code === 'GRANTED' ? [reply.claim.claimKey] : [])).sort();
}

async function listed({ client }: Running, eventKey: string): Promise<string[]> {
  const keys: string[] = [];
  let cursor: string | null = null;
  do {
    const page: Awaited<ReturnType<typeof client.claims.list>> = await client.claims.list({
      eventKey,
      cursor,
      limit: 200,
    });
    if (page.code !== 'OK') throw new Error(page.code);
    keys.push(...page.items.map(({ claimKey }) => claimKey));
    cursor = page.nextCursor;
  } while (cursor !== null);
  return keys.sort();
}

test(
  'both ways and back under load, one event with stock and one without',
  () =>
    withServer(async (running, store) => {
      const { client } = running;
      await client.events.create({ eventKey: 'free' });
      await client.events.create({ eventKey: 'scarce', stock: 1_000_000 });
      const loads = [load(running, 'free'), load(running, 'scarce')];
      const modes: Mode[] = ['journal', 'direct', 'journal'];
      for (const [i, mode] of modes.entries()) {
        const set = await Promise.all(
          ['free', 'scarce'].map((eventKey) => client.events.setMode(eventKey, mode, { deadlineMs: 20_000 })),
        );
        for (const answer of set) {
          if (answer.code !== 'OK') throw new Error(JSON.stringify(answer));
          assert.equal([answer.event.mode, answer.event.configVersion], [mode, i + 2]);
        }
      }
      for (const started of loads) await started.stop();
      for (const [i, eventKey] of ['free', 'scarce'].entries()) {
        const { replies, grantGapMsMax } = loads[i] as Load;
        const codes = new Set(replies.map(({ code }) => code));
        assert.equal([...codes].sort(), ['BUSY', 'GRANTED'], eventKey);
        assert.ok(grantGapMsMax < GRANT_GAP_MS_MAX, `${eventKey}: ${grantGapMsMax} ms without a grant`);
        const keys = granted(replies);
        assert.is(new Set(keys).size, keys.length);
        let seen = await listed(running, eventKey);
        // The list shows what the journal holds a little later.
        while (seen.length < keys.length) seen = await listed(running, eventKey);
        assert.equal(seen, keys, eventKey);
        const slots = replies.flatMap((reply) => (reply.code === 'GRANTED' ? [reply.claim.slot] : []));
        const expected = slots.map((_, at) => (eventKey === 'free' ? null : at + 1));
        assert.equal(
          slots.sort((a, b) => (a ?? 0) - (b ?? 0)),
          expected,
        );
      }
      const audited = await store.accounts.audit.list({ action: 'event.mode' }, { limit: 10 });
      assert.is(audited.length, 2 * modes.length);
    }),
  { deadlineMs: 60_000 },
);

test('a claim of one mode is a claim in the other: replayed, already claimed, by request', () =>
  withServer(async (running) => {
    const { client } = running;
    await client.events.create({ eventKey: 'e' });
    const ask = (userId: string, requestId: string) => client.claim({ eventKey: 'e', userId, requestId });
    assert.is((await ask('u1', 'r1')).code, 'GRANTED');
    assert.is((await client.events.setMode('e', 'journal')).code, 'OK');
    assert.is((await ask('u1', 'r1')).code, 'REPLAYED');
    assert.is((await ask('u1', 'r2')).code, 'ALREADY_CLAIMED');
    assert.is((await ask('u2', 'r2')).code, 'GRANTED');
    assert.is((await client.events.setMode('e', 'direct')).code, 'OK');
    assert.is((await ask('u2', 'r2')).code, 'REPLAYED');
    assert.is((await ask('u2', 'r3')).code, 'ALREADY_CLAIMED');
    assert.is((await ask('u3', 'r3')).code, 'GRANTED');
    assert.is((await client.events.setMode('e', 'journal')).code, 'OK');
    assert.is((await ask('u3', 'r3')).code, 'REPLAYED');
    assert.is((await ask('u3', 'r4')).code, 'ALREADY_CLAIMED', 'what was granted while the journal had nothing to say');
  }));

test('one request id at the same moment for a direct and a journal event is granted once', () =>
  withServer(async ({ client }) => {
    await client.events.create({ eventKey: 'd', mode: 'direct' });
    await client.events.create({ eventKey: 'j', mode: 'journal' });
    const ask = (eventKey: string, name: string) => client.claim({ eventKey, userId: name, requestId: name });
    // What was claimed before is decided from memory afterwards.
    for (const eventKey of ['d', 'j']) await ask(eventKey, `first-${eventKey}`);
    for (let round = 0; round < 60; round++) {
      const names = Array.from({ length: 5 }, (_, i) => `u${round}-${i}`);
      const direct = names.map((name) => ask('d', name));
      // Into the middle of the insert, sooner or later.
      for (let turn = 0; turn < round % 12; turn++) await new Promise((resolve) => setImmediate(resolve));
      const journaled = names.map((name) => ask('j', name));
      const replies = await Promise.all([...direct, ...journaled]);
      for (const i of names.keys()) {
        const codes = [replies[i]?.code, replies[i + names.length]?.code].sort();
        assert.equal(codes, ['GRANTED', 'KEY_REUSED'], `round ${round}`);
      }
    }
  }));

test('a schedule switches by itself, and the audit log says so', () =>
  withServer(async ({ client }, store) => {
    const modeSchedule = [
      { from: '00:00', to: '12:00', mode: 'journal' as const },
      { from: '12:00', to: '00:00', mode: 'journal' as const },
    ];
    const created = await client.events.create({ eventKey: 'e', mode: 'direct', modeSchedule });
    assert.equal(created.code === 'OK' && created.event.modeSchedule, modeSchedule);
    let mode = 'direct';
    while (mode === 'direct') {
      const found = await client.events.get('e');
      if (found.code === 'OK') mode = found.event.mode;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    let audited: { actor: string; subject: string }[] = [];
    while (audited.length === 0) {
      audited = await store.accounts.audit.list({ action: 'event.mode' }, { limit: 10 });
      // The embedded store answers at once: without a turn of the event loop nobody would ever write it.
      await new Promise((resolve) => setImmediate(resolve));
    }
    assert.equal([audited[0]?.actor, audited[0]?.subject], ['service:mode-schedule', 'e']);
  }));

test('what the journal holds is shown, claims that were granted by it and no others', () =>
  withServer(async ({ client }) => {
    await client.events.create({ eventKey: 'd', mode: 'direct' });
    await client.events.create({ eventKey: 'j', mode: 'journal', rewards: [{ kind: 'a', id: 'b', amount: 3 }] });
    for (const eventKey of ['d', 'j']) {
      for (let i = 0; i < 20; i++) await client.claim({ eventKey, userId: `u${i}` });
    }
    const blocks: BlockView[] = [];
    let after: number | null = null;
    do {
      const page: Awaited<ReturnType<typeof client.journalBlocks>> = await client.journalBlocks({ after, limit: 3 });
      if (page.code !== 'OK') throw new Error(page.code);
      blocks.push(...page.blocks);
      after = page.next;
    } while (after !== null);
    const users = blocks.flatMap(({ claims }) => claims.map(({ userId }) => userId));
    assert.equal(
      users,
      Array.from({ length: 20 }, (_, i) => `u${i}`),
    );
    assert.equal(new Set(blocks.flatMap(({ series }) => series.map(({ eventKey }) => eventKey))), new Set(['j']));
    assert.ok(blocks.every(({ offset }, i) => i === 0 || offset > (blocks[i - 1]?.offset ?? 0)));
  }));

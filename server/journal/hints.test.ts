/** When a hint is written, what it keeps the log for, and what it is worth to the next start. */
import { assert, suite } from '../../protocol/testing/kit.ts';
import { eventRecord } from '../shard/testing/bench.ts';
import { readBlock } from '../store/block/reader.ts';
import type { ClaimRecord } from '../store/store.ts';
import { journalBench } from './testing/bench.ts';
import { hintShelf, keptWith } from './testing/hint-shelf.ts';

const test = suite('hints');

async function ready(options: Parameters<typeof journalBench>[0] = {}) {
  const shelf = hintShelf(() => bench.time);
  const bench = journalBench({ isDurableAtOnce: true, hints: () => shelf.open(), ...options });
  await bench.start();
  return { bench, shelf };
}

const stored: ClaimRecord = {
  ...{ claimKey: 'summer/-/old', eventKey: 'summer', period: '-', userId: 'old', requestId: 'r-old', grantedAt: 5 },
  ...{ rewards: [], configVersion: 1, slot: null, attempt: 'a.b.1' },
  delivery: { state: 'PENDING', attempts: 0, fulfilledAt: null },
};

test('with a hint the next start asks the store for nobody it knows, and the log only for what came later', async () => {
  const { bench, shelf } = await ready({ stored: [stored] });
  await bench.claim('u1', 'r1');
  await bench.time.advance(3_000);
  assert.is(shelf.written.length, 1);
  bench.state.projects = false;
  await bench.claim('u2', 'r2');
  bench.state.isStoreFailing = true;
  await bench.restart();
  assert.is(shelf.reads, 1);
  assert.is(await bench.claim('u3', 'r3'), 'FAST');
  assert.is(bench.codeOf('r3'), 'GRANTED');
  bench.state.isStoreFailing = false;
  for (const [user, request] of [
    ['old', 'x'],
    ['u1', 'y'],
    ['u2', 'z'],
  ] as const) {
    assert.is(await bench.claim(user, request), 'GENERAL');
    assert.is(bench.codeOf(request), 'ALREADY_CLAIMED');
  }
});

test('request ids of claims that came later by another way are asked for, until all have been read again', async () => {
  const { bench, shelf } = await ready();
  shelf.directCommits = () => bench.stored.filter(({ eventKey }) => eventKey === 'plain').length;
  bench.events.set('plain', eventRecord({ eventKey: 'plain' }));
  await bench.claim('u1', 'r1');
  await bench.time.advance(3_000);
  assert.is(shelf.written.length, 1);
  await bench.claim('u2', 'shared', { eventKey: 'plain' });
  await bench.inserts[0]?.answer('inserted');
  await bench.restart();
  await bench.claim('u2', 'shared');
  assert.is(bench.codeOf('shared'), 'KEY_REUSED');
});

test('what is on its way into the store by another way is waited for', async () => {
  const { bench, shelf } = await ready();
  bench.events.set('plain', eventRecord({ eventKey: 'plain' }));
  await bench.claim('u1', 'r1');
  await bench.claim('u2', 'r2', { eventKey: 'plain' });
  await bench.time.advance(3_000);
  assert.is(shelf.written.length, 0);
  await bench.inserts[0]?.answer('inserted');
  await bench.time.advance(3_000);
  assert.is(shelf.written.length, 1);
});

test('the log keeps what the hint needs, unless the log is in trouble', async () => {
  const { bench, shelf } = await ready();
  await bench.claim('u1', 'r1');
  await bench.time.advance(3_000);
  const [first] = bench.log;
  shelf.isFailing = true;
  await bench.claim('u2', 'r2');
  await bench.time.advance(3_000);
  assert.ok(bench.state.mark > (first?.offset ?? 0));
  assert.is(bench.state.released, first?.offset);
  bench.state.detail = 'no room for another segment';
  await bench.time.advance(1_000);
  assert.is(bench.state.released, bench.state.mark);
});

test('a hint that cannot be written is tried again a minute later', async () => {
  const { bench, shelf } = await ready();
  shelf.isFailing = true;
  await bench.claim('u1', 'r1');
  await bench.time.advance(3_000);
  shelf.isFailing = false;
  await bench.time.advance(50_000);
  assert.is(shelf.written.length, 0);
  await bench.time.advance(20_000);
  assert.is(shelf.written.length, 1);
});

test('no hint is written while memory may miss something', async () => {
  const { bench, shelf } = await ready();
  bench.state.projects = false;
  await bench.claim('u1', 'r1');
  shelf.isFailing = true;
  await bench.time.advance(1_000);
  shelf.isFailing = false;
  // Of the window that the log has opened again nobody says who else is in it.
  bench.state.hidesUsers = true;
  await bench.restart();
  await bench.claim('u2', 'r2');
  await bench.time.advance(5_000);
  assert.is(shelf.written.length, 0);
  bench.state.hidesUsers = false;
  await bench.time.advance(5_000);
  assert.is(shelf.written.length, 1);
});

test('nor while it may miss a request id', async () => {
  const { bench, shelf } = await ready();
  bench.state.isStoreFailing = true;
  await bench.restart();
  bench.state.isStoreFailing = false;
  await bench.claim('u1', 'r1');
  assert.is(bench.codeOf('r1'), 'GRANTED');
  bench.state.isStoreFailing = true;
  await bench.time.advance(5_000);
  assert.is(shelf.written.length, 0);
  bench.state.isStoreFailing = false;
  await bench.time.advance(5_000);
  assert.is(shelf.written.length, 1);
});

test('slots go on where they were, and what is not in the store yet is counted', async () => {
  const { bench, shelf } = await ready();
  bench.events.set('scarce', eventRecord({ eventKey: 'scarce', mode: 'journal', stock: 9 }));
  await bench.claim('u1', 's1', { eventKey: 'scarce' });
  await bench.time.advance(1_000);
  bench.state.projects = false;
  for (const user of ['u2', 'u3']) await bench.claim(user, `of-${user}`, { eventKey: 'scarce' });
  await bench.time.advance(5_000);
  assert.is(shelf.written.length, 2);
  await bench.restart();
  assert.is(shelf.reads, 1);
  assert.is(bench.journaling.figures().backlogClaims, 2);
  assert.is(await bench.claim('u4', 's4', { eventKey: 'scarce' }), 'FAST');
  assert.is(bench.claimOf('s4').slot, 4);
});

test('who has claimed in another mode meanwhile is looked up again', async () => {
  const { bench, shelf } = await ready();
  await bench.claim('u1', 'r1');
  await bench.time.advance(3_000);
  assert.is(shelf.written.length, 1);
  const [hint] = shelf.written;
  const inMode = async (mode: 'direct' | 'journal', revision: number) => {
    const event = eventRecord({ mode, revision, modeRevision: revision, configVersion: revision });
    bench.events.set('summer', event);
    bench.configs.put(event, bench.time.monotonicMs());
    await bench.time.settle();
  };
  await inMode('direct', 2);
  await bench.claim('u2', 'r2');
  await bench.inserts[0]?.answer('inserted');
  assert.is(bench.codeOf('r2'), 'GRANTED');
  await inMode('journal', 3);
  bench.state.projects = false;
  await bench.claim('u3', 'r3');
  shelf.found = hint ?? null;
  await bench.restart();
  assert.is(shelf.reads, 1);
  await bench.claim('u2', 'r4');
  assert.is(bench.codeOf('r4'), 'ALREADY_CLAIMED');
});

test('a number that an earlier boot used for another event means what the newer block says', async () => {
  const { bench, shelf } = await ready();
  bench.events.set('other', eventRecord({ eventKey: 'other', mode: 'journal' }));
  await bench.claim('u1', 'r1');
  await bench.time.advance(3_000);
  const [hint] = shelf.written;
  shelf.found = null;
  await bench.restart();
  bench.state.projects = false;
  await bench.claim('u2', 'r2', { eventKey: 'other' });
  shelf.found = hint ?? null;
  await bench.restart();
  assert.is(shelf.reads, 1);
  await bench.claim('u2', 'r3', { eventKey: 'other' });
  assert.is(bench.codeOf('r3'), 'ALREADY_CLAIMED');
  await bench.claim('u2', 'r4');
  assert.is(bench.codeOf('r4'), 'GRANTED');
});

test('nothing is believed of a store that has gone back, or with another seed', async () => {
  const { bench, shelf } = await ready();
  await bench.claim('u0', 'r0');
  await bench.time.advance(3_000);
  bench.state.projects = false;
  await bench.claim('u1', 'r1');
  await bench.time.advance(5_000);
  assert.is(shelf.written.length, 2);
  const hint = shelf.written.at(-1);
  if (hint === undefined) throw new Error('no hint');
  shelf.found = keptWith(hint, { high: 3, low: 4 });
  await bench.restart();
  assert.is(shelf.reads, 0);
  shelf.found = hint;
  bench.state.mark = 0;
  bench.stored.length = 0;
  await bench.restart();
  assert.is(shelf.reads, 0);
  assert.is(bench.journaling.figures().backlogClaims, 2);
});

test('of a journal whose blocks are others nothing is believed', async () => {
  const { bench, shelf } = await ready();
  await bench.claim('u1', 'r1');
  await bench.time.advance(3_000);
  const [block] = bench.log;
  if (block === undefined) throw new Error('no block');
  // Another claim of the same length in the same place, as a log that was restored may have.
  const { bytes } = block;
  bytes[bytes.lastIndexOf('u1') + 1] = 0x39;
  bytes.writeUInt32BE(0, 12);
  const { crc32 } = await import('node:zlib');
  bytes.writeUInt32BE(crc32(bytes), 12);
  assert.is(typeof readBlock(bytes, 0), 'object');
  await bench.restart();
  assert.is(shelf.reads, 0);
});

/** What does not fit into memory is looked up, and the answers stay the same. */
import { assert, suite } from '../../protocol/testing/kit.ts';
import { eventRecord } from '../shard/testing/bench.ts';
import { Eviction } from './eviction.ts';
import { RequestFilter } from './request-filter.ts';
import { Tail } from './tail.ts';
import { journalBench } from './testing/bench.ts';
import { type Window, Windows } from './windows.ts';

const test = suite('eviction');
/** Enough steps for a pass over all tables. */
const PASS_STEPS = 64;
const PASS_MS = 8_000;

/** A filter of a few request ids, and nothing beside it. */
const FILTER_BYTES = 2_115_000;

async function evictedBench(memoryBytesMax: number) {
  const bench = journalBench({ isDurableAtOnce: true, memoryBytesMax });
  bench.events.set('other', eventRecord({ eventKey: 'other', mode: 'journal' }));
  await bench.start();
  for (let i = 0; i < 20; i++) await bench.claim(`u${i}`, `r${i}`);
  await bench.time.advance(PASS_MS);
  return bench;
}

for (const memoryBytesMax of [0, FILTER_BYTES]) {
  test(`who has claimed is looked up once memory of ${memoryBytesMax} bytes has let it go`, async () => {
    const bench = await evictedBench(memoryBytesMax);
    assert.is(bench.journaling.figures().indexClaims, 0);
    assert.is(bench.journaling.figures().indexBytes > 2_000_000, memoryBytesMax > 0);
    assert.is(bench.stored.length, 20);
    for (const [userId, requestId, eventKey, expected] of [
      ['u2', 'x2', 'summer', 'ALREADY_CLAIMED'],
      ['u3', 'r3', 'summer', 'REPLAYED'],
      ['u4', 'r4', 'other', 'KEY_REUSED'],
      ['new', 'n1', 'summer', 'GRANTED'],
      ['new', 'n2', 'summer', 'ALREADY_CLAIMED'],
      ['new', 'n1', 'summer', 'REPLAYED'],
    ] as const) {
      bench.outcomes.clear();
      const way = await bench.claim(userId, requestId, { eventKey });
      assert.is(bench.codeOf(requestId), expected, `${userId} ${requestId}`);
      if (userId !== 'new') assert.is(way, 'GENERAL');
    }
    await bench.time.advance(PASS_MS);
    assert.is(bench.stored.length, 21);
    assert.is(bench.journaling.figures().indexClaims, 0, 'what was granted since has gone as well');
  });
}

test('what the store does not have yet stays in memory', async () => {
  const bench = journalBench({ isDurableAtOnce: true, memoryBytesMax: 0 });
  bench.state.projects = false;
  await bench.start();
  for (let i = 0; i < 20; i++) await bench.claim(`u${i}`, `r${i}`);
  await bench.time.advance(PASS_MS);
  assert.equal([bench.journaling.figures().indexClaims, bench.stored.length], [20, 0]);
  await bench.claim('u3', 'x3');
  assert.is(bench.codeOf('x3'), 'ALREADY_CLAIMED');
});

test('the slots of an event with stock go on without memory', async () => {
  const bench = journalBench({ isDurableAtOnce: true, memoryBytesMax: 0 });
  bench.events.set('scarce', eventRecord({ eventKey: 'scarce', mode: 'journal', stock: 3 }));
  await bench.start();
  const codes: (string | undefined)[] = [];
  for (let i = 0; i < 5; i++) {
    await bench.claim(`u${i}`, `s${i}`, { eventKey: 'scarce' });
    await bench.time.advance(PASS_MS);
    codes.push(bench.codeOf(`s${i}`));
  }
  assert.equal(codes, ['GRANTED', 'GRANTED', 'GRANTED', 'SOLD_OUT', 'SOLD_OUT']);
  assert.equal(
    bench.stored.map(({ slot }) => slot),
    [1, 2, 3],
  );
});

test('the windows whose newest claim is the oldest go, as many as must, and the filter last', () => {
  const [windows, filter, tail] = [new Windows(), new RequestFilter(), new Tail(new Map())];
  tail.reset(4_096);
  const opened = [300, 100, 200].map((head, i) => {
    const window = windows.open(`event${i}`, '-');
    for (let user = 0; user < 10_000; user++) window.index.add(user * 0x61c88647, user, 1);
    window.head = head;
    return window;
  }) as [Window, Window, Window];
  const each = opened[0].index.bytes;
  const evicted: (string | null)[] = [];
  const parts = { tail, windows, filter, evicted: (window: Window | null) => evicted.push(window?.eventKey ?? null) };
  const steps = (eviction: Eviction) => {
    for (let step = 0; step < PASS_STEPS + 4; step++) eviction.step(4_096);
  };
  steps(new Eviction({ ...parts, bytesMax: 3 * each }));
  assert.equal(evicted, []);
  steps(new Eviction({ ...parts, bytesMax: 2 * each }));
  assert.equal(evicted, ['event1']);
  assert.equal([windows.claims, opened[1].index.count], [20_000, 0]);
  assert.ok(windows.bytes < 2.1 * each);
  filter.add(1, 2);
  steps(new Eviction({ ...parts, bytesMax: 0 }));
  assert.equal(evicted, ['event1', 'event2', 'event0', null]);
  assert.equal([windows.claims, filter.bytes, filter.has(5, 6)], [0, 0, true]);
});

test('each window is told of once, also one whose claims were taken back', () => {
  const [windows, tail] = [new Windows(), new Tail(new Map())];
  const { index } = windows.open('event', '-');
  index.add(1, 2, 3);
  index.remove(1, 2, 3);
  const evicted: (string | null)[] = [];
  const eviction = new Eviction({
    ...{ tail, windows, filter: new RequestFilter(), bytesMax: 0 },
    evicted: (window) => evicted.push(window?.eventKey ?? null),
  });
  for (let step = 0; step < 5; step++) eviction.step(0);
  assert.equal(evicted, ['event']);
});

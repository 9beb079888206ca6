/** Any order of claims, commits, pauses, failures and restarts: the promise holds over what is durable in the end. */
import { assert, suite } from '../../protocol/testing/kit.ts';
import { type Chance, chanceOf } from '../../protocol/testing/random.ts';
import { eventRecord } from '../shard/testing/bench.ts';
import { claimsOf, readBlock } from '../store/block/reader.ts';
import type { ClaimRecord, EventRecord } from '../store/store.ts';
import { journalBench } from './testing/bench.ts';

const test = suite('journaling at random');

const STOCK = 6;
const EVENTS: readonly EventRecord[] = [
  eventRecord({ eventKey: 'summer', mode: 'journal' }),
  eventRecord({ eventKey: 'daily', mode: 'journal', period: 'daily' }),
  eventRecord({ eventKey: 'scarce', mode: 'journal', stock: STOCK }),
];
type Bench = ReturnType<typeof journalBench>;
type Answer = { userId: string; eventKey: string; requestId: string; code: string; claim: ClaimRecord | null };

async function step(bench: Bench, chance: Chance, number: number, answers: Answer[]): Promise<void> {
  const dice = chance.integer(100);
  if (dice < 70) return claim(bench, chance, number, answers);
  if (dice < 88) return bench.appended.find(({ isSettled }) => !isSettled())?.settle();
  if (dice < 92) return bench.time.advance(chance.pick([10, 300, 1_200]));
  if (dice < 93) {
    bench.state.aheadMs += 86_400_000;
    return;
  }
  if (dice < 96) return toggle(bench, chance);
  if (dice < 98) {
    bench.state.isStoreFailing = !bench.state.isStoreFailing;
    return;
  }
  // What was on its way may have become durable, in order, or not.
  for (const block of bench.appended) {
    if (block.isSettled()) continue;
    if (chance.integer(2) === 0) break;
    await block.settle();
  }
  for (const block of bench.appended) block.lose();
  bench.state.isStoreFailing = false;
  await bench.restart();
}

async function claim(bench: Bench, chance: Chance, number: number, answers: Answer[]): Promise<void> {
  const { eventKey } = chance.pick(EVENTS);
  const userId = `u${chance.integer(12)}`;
  // Few ids, so that they meet again across events and periods.
  const requestId = chance.integer(3) === 0 ? `again${chance.integer(6)}` : `r${number}`;
  const answer: Answer = { userId, eventKey, requestId, code: '', claim: null };
  answers.push(answer);
  await bench.ask({ userId, requestId, eventKey, deadlineMs: 400 }, (outcome) => {
    assert.is(answer.code, '', 'it is answered once');
    answer.code = outcome.code;
    if ('claim' in outcome) {
      answer.claim = outcome.claim as ClaimRecord;
      assert.ok(durableKeys(bench).has(answer.claim.claimKey), `${outcome.code} of what is not durable`);
    }
  });
}

function toggle(bench: Bench, chance: Chance): Promise<void> {
  const event = bench.events.get(chance.pick(EVENTS).eventKey) as EventRecord;
  const state = event.state === 'LIVE' ? ('PAUSED' as const) : ('LIVE' as const);
  const next = { ...event, state, revision: event.revision + 1, configVersion: event.configVersion + 1 };
  bench.events.set(event.eventKey, next);
  bench.configs.put(next, bench.time.monotonicMs());
  return bench.time.settle();
}

function durable(bench: Bench): ClaimRecord[] {
  return bench.log.flatMap(({ bytes }) => {
    const block = readBlock(bytes, 0);
    if (typeof block === 'string') throw new Error(block);
    return [...claimsOf(block)].map(({ record }) => record);
  });
}

function durableKeys(bench: Bench): Set<string> {
  return new Set(durable(bench).map(({ claimKey }) => claimKey));
}

const RUNS = [1, 2, 3, 4, 5, 6].flatMap((seed) => [
  { seed, memoryBytesMax: Number.POSITIVE_INFINITY },
  { seed, memoryBytesMax: 0 },
]);

for (const { seed, memoryBytesMax } of RUNS) {
  test(`seed ${seed}, ${memoryBytesMax} bytes of memory`, async () => {
    const chance = chanceOf(seed);
    const bench = journalBench({ memoryBytesMax });
    for (const event of EVENTS) bench.events.set(event.eventKey, event);
    await bench.start();
    const answers: Answer[] = [];
    for (let i = 0; i < 300; i++) await step(bench, chance, i, answers);
    const claims = durable(bench);
    const byKey = new Map(claims.map((one) => [one.claimKey, one]));
    assert.is(byKey.size, claims.length, 'no key has two claims');
    assert.is(new Set(claims.map(({ userId, requestId }) => `${userId} ${requestId}`)).size, claims.length);
    const slots = claims.filter(({ eventKey }) => eventKey === 'scarce').map(({ slot }) => slot);
    assert.equal(
      slots,
      slots.map((_, i) => i + 1),
      'slots in order without gaps',
    );
    for (const { code, claim: found, eventKey, userId, requestId } of answers) {
      if (code === 'SOLD_OUT') assert.is(slots.length, STOCK);
      if (found === null) continue;
      assert.equal({ ...byKey.get(found.claimKey), attempt: '' }, { ...found, attempt: '' });
      assert.equal([found.eventKey, found.userId], [eventKey, userId]);
      assert.is(found.requestId === requestId, code !== 'ALREADY_CLAIMED');
    }
    const granted = answers.filter(({ code }) => code === 'GRANTED').map(({ claim: one }) => one?.claimKey);
    assert.is(new Set(granted).size, granted.length, 'a claim is granted once');
    assert.ok(granted.length > 20, `only ${granted.length} claims were granted`);
  });
}

/**
 * Any order of claims, commits, switches of mode and restarts, over hints that are new, old, of another seed or not there: the
 * promise holds over what is durable in the end, whatever the hint of each start was.
 */
import { assert, suite } from '../../protocol/testing/kit.ts';
import { type Chance, chanceOf } from '../../protocol/testing/random.ts';
import { eventRecord } from '../shard/testing/bench.ts';
import { type Block, claimsOf, readBlock } from '../store/block/reader.ts';
import type { ClaimRecord, EventRecord } from '../store/store.ts';
import { journalBench } from './testing/bench.ts';
import { type HintShelf, hintShelf, keptWith } from './testing/hint-shelf.ts';

const test = suite('hints at random');

const STOCK = 40;
const STEPS = 350;
const EVENTS: readonly EventRecord[] = [
  eventRecord({ eventKey: 'summer', mode: 'journal' }),
  eventRecord({ eventKey: 'daily', mode: 'journal', period: 'daily' }),
  eventRecord({ eventKey: 'scarce', mode: 'journal', stock: STOCK }),
  eventRecord({ eventKey: 'plain' }),
];
type Bench = ReturnType<typeof journalBench>;
type Answer = { userId: string; eventKey: string; requestId: string; code: string; claim: ClaimRecord | null };
type World = { bench: Bench; shelf: HintShelf; chance: Chance; answers: Answer[] };

function blocksOf({ bench }: World): Block[] {
  return bench.log.map(({ bytes }) => {
    const block = readBlock(bytes, 0);
    if (typeof block === 'string') throw new Error(block);
    return block;
  });
}

/** Of both ways. */
function durable(world: World): ClaimRecord[] {
  const journaled = blocksOf(world).flatMap((block) => [...claimsOf(block)].map(({ record }) => record));
  return [...journaled, ...world.bench.stored.filter(isDirect)];
}

function isDirect({ attempt }: ClaimRecord): boolean {
  return attempt.startsWith('n.b');
}

async function step(world: World, number: number): Promise<void> {
  const { bench, chance } = world;
  const dice = chance.integer(200);
  if (dice < 120) return claim(world, number);
  if (dice < 155) return bench.appended.find(({ isSettled }) => !isSettled())?.settle();
  if (dice < 165) return bench.inserts.shift()?.answer(chance.pick(['inserted', 'inserted', 'unknown']));
  if (dice < 185) return bench.time.advance(chance.pick([10, 300, 1_200]));
  if (dice < 186) {
    bench.state.aheadMs += 86_400_000;
    return;
  }
  if (dice < 190) return flip(world);
  if (dice < 192) {
    world.shelf.isFailing = !world.shelf.isFailing;
    return;
  }
  if (dice < 195) {
    bench.state.projects = !bench.state.projects;
    return;
  }
  return restart(world);
}

async function claim(world: World, number: number): Promise<void> {
  const { bench, chance, answers } = world;
  const { eventKey } = chance.pick(EVENTS);
  const userId = `u${chance.integer(60)}`;
  // Few ids, so that they meet again across events and periods; some as a batch makes them.
  const requestId = chance.pick([
    `again${chance.integer(6)}`,
    `b${chance.integer(9)}.${chance.integer(20)}`,
    `r${number}`,
  ]);
  const answer: Answer = { userId, eventKey, requestId, code: '', claim: null };
  answers.push(answer);
  await bench.ask({ userId, requestId, eventKey, deadlineMs: 400 }, (outcome) => {
    assert.is(answer.code, '', 'it is answered once');
    answer.code = outcome.code;
    if ('claim' in outcome) answer.claim = outcome.claim as ClaimRecord;
  });
}

/** As the operation does it: nothing is decided, everything is projected, then the mode is another. */
async function flip({ bench }: World): Promise<void> {
  for (const block of bench.appended) await block.settle();
  for (const insert of bench.inserts.splice(0)) await insert.answer('inserted');
  bench.state.projects = true;
  for (let i = 0; i < 3; i++) await bench.time.advance(1_500);
  for (const block of bench.appended) if (!block.isSettled()) return;
  if (bench.inserts.length > 0 || bench.journaling.figures().backlogClaims !== 0) return;
  const event = bench.events.get('summer') as EventRecord;
  const mode = event.mode === 'journal' ? ('direct' as const) : ('journal' as const);
  const revision = event.revision + 1;
  const next = { ...event, mode, modeRevision: revision, revision, configVersion: event.configVersion + 1 };
  bench.events.set('summer', next);
  bench.configs.put(next, bench.time.monotonicMs());
  await bench.time.settle();
}

async function restart(world: World): Promise<void> {
  const { bench, shelf, chance } = world;
  // What was on its way may have become durable, in order, or not.
  for (const block of bench.appended) {
    if (block.isSettled()) continue;
    if (chance.integer(2) === 0) break;
    await block.settle();
  }
  for (const insert of bench.inserts.splice(0)) if (chance.integer(2) === 0) await insert.answer('inserted');
  for (let rounds = 0; rounds < 3; rounds++) {
    for (const block of bench.appended) block.lose();
    await bench.time.settle();
  }
  const newest = shelf.written.at(-1) ?? null;
  const dice = chance.integer(10);
  if (dice < 7) shelf.found = newest;
  else if (dice < 8) shelf.found = shelf.written.length === 0 ? null : chance.pick(shelf.written);
  else if (dice < 9) shelf.found = newest && keptWith(newest, { high: 5, low: 6 });
  else shelf.found = null;
  await bench.restart();
  shelf.found = newest;
  const unprojected = blocksOf(world).filter(({ offset }) => offset >= bench.state.mark);
  const backlog = unprojected.reduce((sum, { claims }) => sum + claims, 0);
  assert.is(bench.journaling.figures().backlogClaims, backlog);
}

function audit(world: World): void {
  const claims = durable(world);
  const byKey = new Map(claims.map((one) => [one.claimKey, one]));
  assert.is(byKey.size, claims.length, 'no key has two claims');
  assert.is(new Set(claims.map(({ userId, requestId }) => `${userId} ${requestId}`)).size, claims.length);
  const slots = claims.filter(({ eventKey }) => eventKey === 'scarce').map(({ slot }) => slot);
  assert.equal(
    slots,
    slots.map((_, i) => i + 1),
    'slots in order without gaps',
  );
  for (const { code, claim: found, eventKey, userId, requestId } of world.answers) {
    if (code === 'SOLD_OUT') assert.is(slots.length, STOCK);
    if (found === null) continue;
    assert.equal({ ...byKey.get(found.claimKey), attempt: '' }, { ...found, attempt: '' });
    if (code !== 'KEY_REUSED') assert.equal([found.eventKey, found.userId], [eventKey, userId]);
    assert.is(
      found.requestId === requestId,
      code !== 'ALREADY_CLAIMED',
      `${code} ${requestId} ${JSON.stringify(found)}`,
    );
  }
}

let reads = 0;
for (const seed of [1, 2, 3, 4, 5, 6]) {
  test(`seed ${seed}`, async () => {
    const chance = chanceOf(seed);
    const shelf = hintShelf(() => bench.time);
    const bench = journalBench({ hints: () => shelf.open() });
    shelf.directCommits = () => bench.stored.filter(isDirect).length;
    const world = { bench, shelf, chance, answers: [] };
    for (const event of EVENTS) bench.events.set(event.eventKey, event);
    await bench.start();
    for (let i = 0; i < STEPS; i++) await step(world, i);
    audit(world);
    reads += shelf.reads;
  });
}

test('hints were taken over', () => {
  assert.ok(reads > 10, `only ${reads}`);
});

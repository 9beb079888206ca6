/** What is said from memory about lists, and when nothing is said. */
import { assert, rejection, suite } from '../../protocol/testing/kit.ts';
import { chanceOf } from '../../protocol/testing/random.ts';
import { AGE_MS_MAX } from './eligibility.ts';
import { eligibilityBench } from './testing/bench.ts';

const test = suite('eligibility');

test('a list is read when it is first asked for; until then nothing is said', async () => {
  const { eligibility, hasBytes, time, change } = eligibilityBench();
  change('added', 'vip', ['anna', 'ben']);
  assert.is(eligibility.isQualified('vip', 'anna'), undefined);
  await time.settle();
  assert.is(eligibility.isQualified('vip', 'anna'), true);
  assert.is(hasBytes('vip', 'ben'), true);
  assert.is(hasBytes('vip', 'be'), undefined);
  assert.is(eligibility.isQualified('other', 'anna'), undefined);
  assert.is(eligibility.figures().users, 2);
});

test('a miss is certain only where no other server can add users', async () => {
  for (const nodes of ['alone', 'several'] as const) {
    const { eligibility, loaded } = eligibilityBench({ nodes });
    await loaded();
    assert.is(eligibility.isQualified('vip', 'anna'), nodes === 'alone' ? false : undefined, nodes);
    await eligibility.add('vip', ['anna']);
    assert.is(eligibility.isQualified('vip', 'anna'), true, 'a change made here is known when it is answered');
    await eligibility.remove('vip', ['anna']);
    assert.is(eligibility.isQualified('vip', 'anna'), nodes === 'alone' ? false : undefined, nodes);
  }
});

test('what another server removes is no longer qualified two seconds later, even when nothing can be read', async () => {
  for (const isFailing of [false, true]) {
    const { eligibility, time, change, state, loaded } = eligibilityBench();
    change('added', 'vip', ['anna']);
    await loaded();
    await time.advance(1_700);
    state.isFailing = isFailing;
    change('removed', 'vip', ['anna']);
    await time.advance(AGE_MS_MAX);
    assert.is(eligibility.isQualified('vip', 'anna'), undefined, `failing: ${isFailing}`);
    change('added', 'vip', ['anna']);
    state.isFailing = false;
    await time.advance(1_000);
    assert.is(eligibility.isQualified('vip', 'anna'), true, 'and it recovers by itself');
  }
});

test('a change here that cannot be read back leaves nothing that is said', async () => {
  const { eligibility, store, change, loaded } = eligibilityBench({ nodes: 'alone' });
  change('added', 'vip', ['anna']);
  await loaded();
  const { changes } = store;
  store.changes = () => Promise.reject(new Error('down'));
  assert.equal(await eligibility.remove('vip', ['anna']), { removed: 1, absent: 0 }, 'it is done all the same');
  assert.is(eligibility.isQualified('vip', 'anna'), undefined);
  store.changes = changes;
  await eligibility.add('vip', ['ben']);
  assert.is(eligibility.isQualified('vip', 'anna'), false);
  store.remove = () => Promise.reject(new Error('refused'));
  assert.is((await rejection(eligibility.remove('vip', ['ben']))).message, 'refused');
});

test('changes that come while a list is read are in it, in their order', async () => {
  const { eligibility, time, change, state } = eligibilityBench();
  change('added', 'vip', ['anna', 'ben', 'cleo']);
  let release = () => {};
  state.held = new Promise((resolve) => {
    release = resolve;
  });
  eligibility.isQualified('vip', 'anna');
  await time.settle();
  // The page that was read has them; what it has not is in the log.
  for (let round = 0; round < 5; round++) {
    change('removed', 'vip', ['anna', 'ben']);
    change('added', 'vip', ['ben', 'dora']);
  }
  release();
  await time.settle();
  const qualified = ['anna', 'ben', 'cleo', 'dora'].map((userId) => eligibility.isQualified('vip', userId));
  assert.equal(qualified, [undefined, true, true, true]);
});

test('a list that was read later than the others is not taken back by changes that it has already', async () => {
  const { eligibility, time, store, change, loaded } = eligibilityBench();
  await loaded('other');
  change('added', 'vip', ['anna']);
  for (let n = 0; n < 5; n++) change('added', 'other', [`user${n}`]);
  change('removed', 'vip', ['anna']);
  await loaded('vip');
  let release = () => {};
  const { changes } = store;
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  store.changes = async (mark) => {
    if (mark !== null && mark >= 3) await held;
    return changes(mark);
  };
  await time.advance(500);
  assert.is(eligibility.isQualified('vip', 'anna'), undefined, 'in the middle of catching up');
  release();
  await time.advance(500);
  assert.is(eligibility.isQualified('other', 'user4'), true);
  assert.is(eligibility.isQualified('vip', 'anna'), undefined);
});

test('a log that does not reach back, and a store that fails, mean that the list is read anew', async () => {
  const { eligibility, time, change, state, log, loaded } = eligibilityBench();
  change('added', 'vip', ['anna']);
  await loaded();
  change('removed', 'vip', ['anna']);
  change('added', 'vip', ['ben']);
  state.forgotten = log.length;
  await time.advance(600);
  assert.is(eligibility.isQualified('vip', 'ben'), undefined);
  await time.settle();
  assert.is(eligibility.isQualified('vip', 'ben'), true);
  assert.is(eligibility.isQualified('vip', 'anna'), undefined);

  const failing = eligibilityBench();
  failing.change('added', 'vip', ['anna']);
  failing.state.isFailing = true;
  await failing.loaded();
  failing.state.isFailing = false;
  assert.is(failing.eligibility.isQualified('vip', 'anna'), undefined, 'not again at once');
  await failing.time.settle();
  assert.is(failing.state.pages, 0);
  await failing.time.advance(1_000);
  await failing.loaded();
  assert.is(failing.eligibility.isQualified('vip', 'anna'), true);
});

test('a list that does not fit is looked up, and not read again at once; one that is not used makes room', async () => {
  const users = Array.from({ length: 20_000 }, (_, n) => `user${n}`);
  const { eligibility, time, change, state, warnings, loaded } = eligibilityBench({ bytesMax: 800_000 });
  change('added', 'small', users.slice(0, 10));
  change('added', 'big', users);
  change('added', 'huge', [...users, ...users.map((userId) => `${userId}.twin`)]);
  await loaded('huge');
  await time.advance(1_000);
  assert.is(eligibility.isQualified('huge', 'user1'), undefined);
  assert.is(warnings.length, 1);
  assert.is(eligibility.figures().bytes, 0, 'nothing is left of it');
  const { pages } = state;
  await loaded('huge');
  assert.is(state.pages, pages);

  await loaded('small');
  assert.is(eligibility.isQualified('small', 'user1'), true);
  await loaded('big');
  assert.is(eligibility.isQualified('big', 'user1'), undefined, 'small is in use');
  await time.advance(600_000);
  await loaded('big');
  await time.advance(500);
  assert.is(eligibility.isQualified('big', 'user1'), true, 'small has not been asked about for a while');
  await eligibility.add(
    'big',
    users.map((userId) => `${userId}.more`),
  );
  assert.is(eligibility.isQualified('big', 'user1'), undefined, 'it has grown out of memory');
  assert.is(eligibility.figures().bytes, 0);
});

test('a list that nobody asks about is forgotten, and then nothing is read any more', async () => {
  const { eligibility, time, store, change, loaded } = eligibilityBench();
  change('added', 'vip', ['anna']);
  await loaded();
  await time.advance(1_201_000);
  assert.is(eligibility.figures().lists, 0);
  let reads = 0;
  store.changes = async () => {
    reads++;
    return null;
  };
  await time.advance(5_000);
  assert.is(reads, 0);
});

for (const seed of [1, 2, 3]) {
  test(`seed ${seed}: what is said is what the store has, or had two seconds ago`, async () => {
    const chance = chanceOf(seed);
    const { eligibility, time, change, lists, state, log } = eligibilityBench({ nodes: 'several' });
    const events = ['a', 'b'];
    const users = Array.from({ length: 12 }, (_, n) => `user${n}`);
    /** When each user was last on the list. */
    const onList = new Map<string, number>();
    let said = 0;
    for (let step = 0; step < 1_500; step++) {
      const eventKey = chance.pick(events);
      const some = users.filter(() => chance.integer(4) === 0);
      const dice = chance.integer(100);
      if (dice < 25) change(chance.integer(2) === 0 ? 'added' : 'removed', eventKey, some);
      else if (dice < 35) void (await eligibility.add(eventKey, some).catch(() => {}));
      else if (dice < 45) void (await eligibility.remove(eventKey, some).catch(() => {}));
      else if (dice < 48) state.isFailing = !state.isFailing;
      else if (dice < 50) state.forgotten = log.length - chance.integer(4);
      else await time.advance(chance.pick([0, 100, 400, 700]));
      const now = time.monotonicMs();
      for (const [key, list] of lists) for (const userId of list) onList.set(`${key}/${userId}`, now);
      for (const userId of users) {
        if (eligibility.isQualified(eventKey, userId) !== true) continue;
        said++;
        const lastSeen = onList.get(`${eventKey}/${userId}`) ?? Number.NEGATIVE_INFINITY;
        assert.ok(now - lastSeen <= AGE_MS_MAX, `${eventKey}/${userId} was on the list ${now - lastSeen} ms ago`);
      }
    }
    assert.ok(said > 500, `only ${said} answers`);
  });
}

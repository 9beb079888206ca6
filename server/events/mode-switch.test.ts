import { assert, rejection, suite } from '../../protocol/testing/kit.ts';
import { type EventRecord, StoreUnavailable } from '../store/store.ts';
import { isProblem } from './events.ts';
import { eventsBench } from './testing/bench.ts';

const test = suite('mode switch');

type Bench = Awaited<ReturnType<typeof eventsBench>>;

async function withEvent(fields: object, run: (bench: Bench) => Promise<void>): Promise<void> {
  const bench = await eventsBench();
  const made = await bench.events.create({ eventKey: 'e', ...fields });
  if (isProblem(made)) throw new Error(JSON.stringify(made));
  await run(bench);
}

function told<T>(promise: Promise<T>): { answer: T | undefined } {
  const state: { answer: T | undefined } = { answer: undefined };
  void promise.then((answer) => {
    state.answer = answer;
  });
  return state;
}

function codeOf(answer: unknown): string {
  return (answer as { code?: string; mode?: string }).code ?? `mode ${(answer as EventRecord).mode}`;
}

test('to the journal: claims are held back for the second it settles, then the new mode is there at once', () =>
  withEvent({}, async ({ events, time, door, wouldGet, recordOf }) => {
    const asked = told(events.setMode('e', 'journal'));
    await time.settle();
    assert.is(wouldGet(), 'BUSY');
    assert.is(recordOf().mode, 'direct');
    await time.advance(999);
    assert.is(asked.answer, undefined);
    assert.is(wouldGet(), 'BUSY');
    await time.advance(1);
    assert.is(codeOf(asked.answer), 'mode journal');
    assert.is(wouldGet(), 'GRANT');
    const { configVersion, heldUntil, modeNext } = recordOf();
    assert.equal([configVersion, heldUntil, modeNext], [2, null, undefined]);
    assert.is(door.asked, 0, 'of a direct event the journal holds nothing');
  }));

test('back: what has piled up is projected before claims are held back, the rest before the mode is written', () =>
  withEvent({ mode: 'journal' }, async ({ events, time, door, wouldGet, recordOf }) => {
    let release = () => {};
    const hold = () => {
      door.held = new Promise((resolve) => {
        release = resolve;
      });
    };
    hold();
    const asked = told(events.setMode('e', 'direct'));
    await time.settle();
    await time.advance(15_000);
    assert.equal([wouldGet(), door.asked], ['GRANT', 1]);
    release();
    hold();
    await time.settle();
    await time.advance(501);
    assert.equal([wouldGet(), door.asked], ['GRANT', 2], 'what came in 15 s may be much again');
    release();
    hold();
    await time.settle();
    await time.advance(500);
    assert.equal([wouldGet(), door.asked], ['GRANT', 3]);
    release();
    hold();
    await time.settle();
    assert.is(wouldGet(), 'BUSY');
    await time.advance(1_500);
    assert.equal([wouldGet(), recordOf().mode, door.asked], ['BUSY', 'journal', 4]);
    release();
    await time.settle();
    assert.equal([codeOf(asked.answer), wouldGet()], ['mode direct', 'GRANT']);
  }));

test('the mode it has: nothing is written, nobody waits', () =>
  withEvent({}, async ({ events, state, recordOf }) => {
    assert.is(codeOf(await events.setMode('e', 'direct')), 'mode direct');
    assert.equal([state.writes, recordOf().configVersion], [0, 1]);
  }));

test('asking again while it is being done joins; asking for the other mode is told to come later', () =>
  withEvent({}, async ({ events, time, recordOf }) => {
    const one = told(events.setMode('e', 'journal'));
    await time.settle();
    const two = told(events.setMode('e', 'journal'));
    const other = told(events.setMode('e', 'direct'));
    await time.settle();
    assert.is(codeOf(other.answer), 'BUSY');
    assert.ok(events.isSwitching('e'));
    await time.advance(1_000);
    assert.equal([codeOf(one.answer), codeOf(two.answer)], ['mode journal', 'mode journal']);
    assert.is(recordOf().configVersion, 2);
    assert.not(events.isSwitching('e'));
  }));

test('projecting that takes too long: BUSY, and the event goes on as it was', async () => {
  for (const isBefore of [true, false]) {
    await withEvent({ mode: 'journal' }, async ({ events, time, door, wouldGet, recordOf }) => {
      const never = new Promise<void>(() => {});
      if (isBefore) door.held = never;
      const asked = told(events.setMode('e', 'direct'));
      await time.settle();
      door.held = never;
      await time.advance(isBefore ? 19_999 : 2_499);
      assert.is(asked.answer, undefined);
      await time.advance(1);
      assert.is(codeOf(asked.answer), 'BUSY');
      const { mode, configVersion, heldUntil, modeNext } = recordOf();
      assert.equal([mode, configVersion, heldUntil, modeNext], ['journal', 1, null, undefined]);
      assert.is(wouldGet(), 'GRANT');
    });
  }
});

test('a store that fails in the middle: STORE_UNAVAILABLE, and what is held is let go or known to be', async () => {
  for (const failures of [1, Number.POSITIVE_INFINITY]) {
    await withEvent({ mode: 'journal' }, async ({ events, time, state, wouldGet, recordOf }) => {
      const failed = rejection(events.setMode('e', 'direct'));
      await time.settle();
      assert.is(wouldGet(), 'BUSY');
      state.failures = failures;
      await time.advance(1_000);
      assert.is((await failed).name, 'StoreUnavailable');
      const isLeft = failures > 1;
      assert.equal([recordOf().mode, wouldGet()], ['journal', isLeft ? 'BUSY' : 'GRANT']);
      assert.equal(recordOf().modeNext, isLeft ? { mode: 'direct', by: 'hand' } : undefined);
      state.failures = 0;
      const again = told(events.setMode('e', 'direct'));
      await time.settle();
      await time.advance(1_000);
      assert.equal([codeOf(again.answer), wouldGet()], ['mode direct', 'GRANT']);
    });
  }
});

test('what was sent to the store and may hang there is waited for; where that cannot be told nothing is changed', async () => {
  for (const isTold of [true, false]) {
    await withEvent({}, async ({ events, time, state, wouldGet, recordOf }) => {
      let end = () => {};
      state.settle = () =>
        new Promise((resolve, reject) => {
          end = isTold ? resolve : () => reject(new StoreUnavailable('too slow'));
        });
      const asked = events.setMode('e', 'journal').then(codeOf, ({ name }) => name);
      await time.settle();
      await time.advance(2_500);
      assert.equal([wouldGet(), recordOf().mode, state.settles], ['BUSY', 'direct', 1]);
      end();
      assert.is(await asked, isTold ? 'mode journal' : 'StoreUnavailable');
      assert.equal([wouldGet(), recordOf().mode], ['GRANT', isTold ? 'journal' : 'direct']);
    });
  }
});

test('stock is not lowered where it cannot be told what is on its way', () =>
  withEvent({ stock: 10 }, async ({ events, time, state, recordOf }) => {
    state.settle = () => Promise.reject(new StoreUnavailable('too slow'));
    const failed = rejection(events.change('e', { stock: 5 }, null));
    await time.settle();
    assert.is(recordOf().stock, 5);
    await time.advance(1_000);
    assert.is((await failed).name, 'StoreUnavailable');
    assert.is(recordOf().stock, 10);
  }));

test('a switch that its maker left behind is made anew by whoever asks, also back to where it was', async () => {
  for (const mode of ['direct', 'journal'] as const) {
    await withEvent({}, async ({ events, time, records, recordOf, clock }) => {
      const heldUntil = clock.nowMs() + 50_000;
      records.set('e', { ...recordOf(), modeNext: { mode: 'journal', by: 'hand' }, heldUntil, revision: 9 });
      const asked = told(events.setMode('e', mode));
      await time.settle();
      await time.advance(1_000);
      assert.is(codeOf(asked.answer), `mode ${mode}`);
      assert.equal([recordOf().modeNext, recordOf().heldUntil], [undefined, null]);
    });
  }
});

test('a maker whose hold was taken over writes nothing and lets nothing go', () =>
  withEvent({}, async ({ events, time, records, recordOf, clock }) => {
    const asked = told(events.setMode('e', 'journal'));
    await time.settle();
    const theirs = { ...recordOf(), heldUntil: clock.nowMs() + 70_000, revision: recordOf().revision + 1 };
    records.set('e', theirs);
    await time.advance(1_000);
    assert.is(codeOf(asked.answer), 'BUSY');
    assert.equal(recordOf(), theirs);
  }));

test('a maker that was frozen until its hold had run out does not write the mode', () =>
  withEvent({}, async ({ events, time, state, recordOf }) => {
    const asked = told(events.setMode('e', 'journal'));
    await time.settle();
    state.frozenMs = 59_001;
    await time.advance(1_000);
    assert.is(codeOf(asked.answer), 'BUSY');
    assert.equal([recordOf().mode, recordOf().heldUntil], ['direct', null]);
  }));

test('a change that needs a hold and a switch do not meet: the later is told to come again', () =>
  withEvent({}, async ({ events, time, recordOf }) => {
    const switched = told(events.setMode('e', 'journal'));
    await time.settle();
    const changed = told(events.change('e', { period: 'daily' }, null));
    await time.settle();
    assert.is(codeOf(changed.answer), 'BUSY');
    await time.advance(1_000);
    assert.is(codeOf(switched.answer), 'mode journal');
    const again = told(events.change('e', { period: 'daily' }, null));
    await time.settle();
    assert.is(codeOf(await events.setMode('e', 'direct')), 'BUSY');
    await time.advance(1_000);
    assert.is(codeOf(again.answer), 'mode journal');
    assert.equal([recordOf().period, recordOf().heldUntil], ['daily', null]);
  }));

test('where the journal is written elsewhere the answer says where, for what needs its writer and for nothing else', () =>
  withEvent({ mode: 'journal', stock: 5 }, async ({ events, door, recordOf }) => {
    const moved = { code: 'MOVED', address: '127.0.0.1:1', mapVersion: 1 } as const;
    door.problem = moved;
    assert.equal(await events.setMode('e', 'direct'), moved);
    assert.equal(await events.change('e', { period: 'daily' }, null), moved);
    assert.equal(await events.change('e', { stock: 4 }, null), moved);
    assert.is(codeOf(await events.setMode('e', 'journal')), 'mode journal');
    assert.is(codeOf(await events.change('e', { title: 'E', stock: 6 }, null)), 'mode journal');
    assert.is(codeOf(await events.pause('e')), 'mode journal');
    assert.is(codeOf(await events.setMode('none', 'journal')), 'EVENT_NOT_FOUND');
    assert.is(recordOf().stock, 6);
  }));

test('a writer that is no longer it when it settles does not switch', () =>
  withEvent({}, async ({ events, time, door, wouldGet }) => {
    const asked = told(events.setMode('e', 'journal'));
    await time.settle();
    door.problem = { code: 'BUSY', retryAfterMs: 1 };
    await time.advance(1_000);
    assert.equal([codeOf(asked.answer), wouldGet()], ['BUSY', 'GRANT']);
  }));

test('without a journal there is one mode', async () => {
  const { events } = await eventsBench({ journal: 'none' });
  const faults = [{ field: 'mode', rule: 'direct: this store has no journal' }];
  const entry = { from: '20:00', to: '23:00', mode: 'journal' };
  assert.equal(
    await events.create({ eventKey: 'e', mode: 'journal', modeSchedule: [entry], endsAt: '2000-01-01T00:00Z' }),
    {
      code: 'BAD_REQUEST',
      faults: [
        { field: 'endsAt', rule: 'later than startsAt' },
        ...faults,
        { field: 'modeSchedule[0].mode', rule: 'direct: this store has no journal' },
      ],
    },
  );
  await events.create({ eventKey: 'e', modeSchedule: [{ ...entry, mode: 'direct' }] });
  assert.equal(await events.setMode('e', 'journal'), { code: 'BAD_REQUEST', faults });
  assert.is(codeOf(await events.setMode('e', 'direct')), 'mode direct');
  assert.is(codeOf(await events.change('e', { modeSchedule: [entry] }, null)), 'BAD_REQUEST');
});

test('new events have the mode that the server says, unless they say one', async () => {
  const { events, recordOf } = await eventsBench({ modeDefault: 'journal' });
  await events.create({ eventKey: 'e' });
  assert.is(recordOf().mode, 'journal');
  await events.create({ eventKey: 'd', mode: 'direct' });
  assert.is(recordOf('d').mode, 'direct');
});

test('a patch may repeat the mode and not change it', () =>
  withEvent({}, async ({ events, recordOf }) => {
    assert.is(codeOf(await events.change('e', { mode: 'direct', title: 'E' }, null)), 'mode direct');
    assert.equal(await events.change('e', { mode: 'journal', title: 'F' }, null), {
      code: 'BAD_REQUEST',
      faults: [{ field: 'mode', rule: 'the mode it has; POST /v1/events/:key/mode changes it' }],
    });
    assert.is(recordOf().title, 'E');
  }));

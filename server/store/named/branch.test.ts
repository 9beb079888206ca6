/** What a store that is silent costs those who can do without it: one wait, not one after another. */
import { assert, suite } from '../../../protocol/testing/kit.ts';
import { virtualTime } from '../../../protocol/testing/virtual-time.ts';
import { createLog } from '../../lib/log.ts';
import type { ClaimRecord, ClaimStore } from '../store.ts';
import { Branch, type BranchStore } from './branch.ts';

const test = suite('branch');
const SHORT_MS = 200;
const BEAT_MS = 1_000;

/** A store whose answers the test may hold back: of questions, and of the beats between them. */
async function silentBranch() {
  const time = virtualTime();
  const away = { questions: false, beats: false };
  let asked = 0;
  const claims = {
    byRequest: () => {
      asked++;
      return away.questions ? new Promise<(ClaimRecord | null)[]>(() => {}) : Promise.resolve([null]);
    },
  } as Pick<ClaimStore, 'byRequest'> as ClaimStore;
  const timeMs = () => (away.beats ? new Promise<number>(() => {}) : Promise.resolve(0));
  const open = async () => ({ claims, timeMs, close: async () => {} }) as Partial<BranchStore> as BranchStore;
  const branch = new Branch({ name: 'b', open, runtime: time, log: createLog({ level: 'silent' }) });
  await branch.start();
  const ask = (msMax: number) => branch.ask(msMax, (each) => each.byRequest([]));
  return { time, away, ask, branch, asked: () => asked };
}

test('it is waited for once, and asked again when it has answered a beat', async () => {
  const { time, away, ask, branch, asked } = await silentBranch();
  assert.equal(await ask(SHORT_MS), { answer: [null] });
  away.questions = true;
  const first = ask(SHORT_MS);
  await time.advance(SHORT_MS);
  assert.is(await first, null);
  assert.is(await ask(SHORT_MS), null, 'without any time passing');
  assert.is(asked(), 2);
  const patient = ask(BEAT_MS * 2);
  assert.is(asked(), 3, 'who would wait longer still asks');
  away.questions = false;
  await time.advance(BEAT_MS);
  assert.equal(await ask(SHORT_MS), { answer: [null] });
  await time.advance(BEAT_MS);
  assert.is(await patient, null);
  await branch.close();
});

test('one that answers no beat is away', async () => {
  const { time, away, ask, branch, asked } = await silentBranch();
  away.beats = true;
  await time.advance(BEAT_MS * 2);
  assert.not.ok(branch.isReachable);
  assert.is(await ask(BEAT_MS), null);
  assert.is(asked(), 0);
  away.beats = false;
  await time.advance(BEAT_MS);
  assert.ok(branch.isReachable);
  assert.equal(await ask(SHORT_MS), { answer: [null] });
  await branch.close();
});

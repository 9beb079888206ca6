import { decodeBody, encodeFrame } from './codec.ts';
import { ERRORS, type ErrorName } from './errors.ts';
import { KIND, PREFIX_BYTES } from './frame.ts';
import { clip, decodeReply, encodeProblem, isSuccess, type Problem, ReplyRefused } from './reply.ts';
import { assert, suite } from './testing/kit.ts';
import { problems } from './testing/vectors.ts';

const test = suite('reply');

function overTheWire(problem: Problem): unknown {
  return decodeReply(decodeBody(encodeFrame(KIND.reply, 16, 1, encodeProblem(problem)).subarray(PREFIX_BYTES)));
}

const carried = problems();
const carriers = new Set<ErrorName>(carried.map(({ code }) => code));
const bare = (Object.keys(ERRORS) as ErrorName[]).filter(
  (name) => !carriers.has(name) && !['OK', 'GRANTED', 'REPLAYED', 'SERVER_UNAVAILABLE'].includes(name),
);
const everyProblem: Problem[] = [
  ...carried,
  { code: 'SERVER_UNAVAILABLE', retryAfterMs: 250 },
  ...bare.map((code) => ({ code }) as Problem),
];

for (const problem of everyProblem) {
  test(`${problem.code} arrives as it was sent`, () => {
    assert.equal(overTheWire(problem), { detail: undefined, ...problem });
    const said = { ...problem, detail: 'a sentence' };
    assert.equal(overTheWire(said), said);
  });
}

test('every code but the successes is a problem that was sent above', () => {
  assert.is(everyProblem.length, Object.keys(ERRORS).length - 3);
});

test('a success hands its result on untouched', () => {
  for (const code of ['OK', 'GRANTED', 'REPLAYED'] as const) {
    const reply = decodeReply([ERRORS[code].code, [1, 2]]);
    assert.equal(reply, { code, result: [1, 2] });
    assert.ok(isSuccess(reply));
  }
  assert.equal(decodeReply([0]), { code: 'OK', result: null });
});

test('a later server may append and may know more codes', () => {
  assert.equal(decodeReply([ERRORS.EVENT_NOT_FOUND.code, null, null, 'later']), {
    code: 'EVENT_NOT_FOUND',
    detail: undefined,
  });
  assert.equal(decodeReply([ERRORS.MOVED.code, ['h:1', 2, 'later'], null]), {
    code: 'MOVED',
    detail: undefined,
    address: 'h:1',
    mapVersion: 2,
  });
  assert.is(decodeReply([60_000, 'anything', null]).code, 'INTERNAL');
});

test('what is no reply is refused', () => {
  const { ALREADY_CLAIMED, BUSY, SOLD_OUT, MOVED, BAD_REQUEST, NOT_ELIGIBLE } = ERRORS;
  const bad: unknown[] = [null, 7, {}, [], ['0'], [null], [ALREADY_CLAIMED.code, null], [ALREADY_CLAIMED.code, ['x']]];
  bad.push([BUSY.code, null], [BUSY.code, -1], [BUSY.code, 1e9], [SOLD_OUT.code, [1]], [MOVED.code, ['a', -1]]);
  bad.push([BAD_REQUEST.code, null], [BAD_REQUEST.code, [['field']]], [NOT_ELIGIBLE.code, 'listed']);
  for (const body of bad) {
    assert.throws(
      () => decodeReply(body),
      (error: unknown) => error instanceof ReplyRefused,
      `took ${JSON.stringify(body)}`,
    );
  }
});

test('what a stranger wrote cannot make a reply that its reader refuses', () => {
  const long = `\ufeff${'🎁'.repeat(300)}`;
  const faults = Array.from({ length: 100 }, () => ({ field: `x${long}`, rule: long }));
  const reply = overTheWire({ code: 'BAD_REQUEST', faults, detail: long.repeat(9) }) as Problem;
  assert.is(reply.code, 'BAD_REQUEST');
  assert.is(reply.code === 'BAD_REQUEST' ? reply.faults.length : 0, 64);
  assert.is(overTheWire({ code: 'NOT_ELIGIBLE', reasons: [long, '\ud800'] }) instanceof Object, true);
  for (const retryAfterMs of [0.4, -5, Number.POSITIVE_INFINITY]) overTheWire({ code: 'BUSY', retryAfterMs });
});

test('a clipped sentence has no half of a surrogate pair', () => {
  assert.is(clip(`${'a'.repeat(511)}🎁`), `${'a'.repeat(511)}\ufffd`);
  assert.is(clip('short 🎁'), 'short 🎁');
});

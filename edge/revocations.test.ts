import { NO_SESSION } from '../protocol/accounts.ts';
import { assert, suite } from '../protocol/testing/kit.ts';
import { virtualTime } from '../protocol/testing/virtual-time.ts';
import { Revocations } from './revocations.ts';

const test = suite('revocations');
const AT = 1_800_000_000_000;
const token = (sessionId: string, issuedAtMs: number | null = AT - 1_000, userId = 'u1') => ({
  userId,
  sessionId,
  issuedAtMs,
});

test('a session ends whatever its tokens say; tokens without one end by when they were issued', () => {
  const revocations = new Revocations(virtualTime());
  revocations.add(['u1', 's.1', AT, AT + 600_000]);
  assert.ok(revocations.includes(token('s.1', AT + 5_000)));
  assert.not(revocations.includes(token('s.2')));
  assert.not(revocations.includes(token(NO_SESSION)));
  revocations.add(['u1', null, AT, AT + 600_000]);
  assert.ok(revocations.includes(token(NO_SESSION)));
  assert.ok(revocations.includes(token(NO_SESSION, null)));
  assert.not(revocations.includes(token(NO_SESSION, AT)));
  assert.not(revocations.includes(token('s.2')));
  assert.not(revocations.includes(token(NO_SESSION, AT - 1, 'u2')));
  // An older one, told late, takes nothing back.
  revocations.add(['u1', null, AT - 50_000, AT + 1]);
  assert.ok(revocations.includes(token(NO_SESSION)));
});

test('they are forgotten when the tokens have ended, by a clock that does not jump', async () => {
  const time = virtualTime();
  let wallMs = AT;
  const revocations = new Revocations({ ...time, wallMs: () => wallMs });
  revocations.add(['u1', 's.1', AT, AT + 600_000]);
  revocations.add(['u1', null, AT, AT + 900_000]);
  wallMs += 3_600_000;
  await time.advance(599_999);
  revocations.sweep();
  assert.is(revocations.size, 2);
  assert.ok(revocations.includes(token('s.1')));
  await time.advance(1);
  revocations.sweep();
  assert.is(revocations.size, 1);
  await time.advance(300_000);
  revocations.sweep();
  assert.is(revocations.size, 0);
});

import { claimPartsOf } from '../../../protocol/key.ts';
import { assert, suite } from '../../../protocol/testing/kit.ts';
import { recordOf as claimOf, createDraft, NOON } from '../testing/fixtures.ts';
import { claimOfTimeRow, partsOfTimeRow, rowsUnder, storedOf, timeRow, timeText } from './layout.ts';

const test = suite('lmdb layout');

test('times sort as text', () => {
  const times = [0, 1, 35, 36, 999, NOON, NOON + 1, 2 ** 48, 8_640_000_000_000_000];
  assert.equal(times.map(timeText).sort(), times.map(timeText));
});

test('rows of one user, event or prefix hold no other', () => {
  const { start, end } = rowsUnder('u1/c');
  const rows = ['u1/c', 'u1/ca/-', 'u1/c~~'];
  const others = ['u1/r', 'u1/b', 'u10/c', 'u1.a/c', 'u1-/c', 'u1'];
  for (const row of rows) assert.ok(row >= start && row < end, row);
  for (const row of others) assert.not.ok(row >= start && row < end, row);
});

test('a claim comes back from its row', () => {
  const claim = claimOf(createDraft()({ eventKey: 'a.b', period: '2026W21', userId: 'u:1' }), 7);
  assert.equal(claimOfTimeRow(timeRow(claim), storedOf(claim)), claim);
  const { eventKey, period, userId, grantedAt } = claim;
  assert.equal(partsOfTimeRow(timeRow(claim)), { eventKey, period, userId, grantedAt });
  assert.equal(claimPartsOf(claim.claimKey), { eventKey: 'a.b', period: '2026W21', userId: 'u:1' });
});

test('a string that is no claim key has no parts', () => {
  for (const text of ['', 'a', 'a/b', '/a/b', '//']) assert.is(claimPartsOf(text), null, text);
});

/** What a reply proves of each document, as a table. The same rows through the real driver: `outcomes.test.ts`. */
import { assert, suite } from '../../../protocol/testing/kit.ts';
import { fateOfError, fatesOfReply, type InsertReply, type Order } from './classify.ts';

const test = suite('mongo classify');

/** Index and code of each write error as `2:11000`; W is a write concern error. Fates: i d u(navailable) g n ?. */
const TABLE = `
order      n  errors                     fates of 4
unordered  4  -                          i i i i
unordered  3  -                          ? ? ? ?
unordered  5  -                          ? ? ? ?
unordered  3  1:11000                    i d i i
unordered  2  0:11000 3:14031            d i i u
unordered  2  0:121 3:8000               u i i ?
unordered  4  1:11000                    ? ? ? ?
unordered  3  4:11000                    ? ? ? ?
unordered  2  1:11000 1:11000            ? ? ? ?
unordered  4  W                          ? ? ? ?
unordered  3  1:11000 W                  ? ? ? ?
unordered  0  0:361 1:361 2:361 3:361    g g g g
unordered  1  1:361 2:361 3:361          ? g g g
ordered    4  -                          i i i i
ordered    3  -                          ? ? ? ?
ordered    2  2:11000                    i i d n
ordered    0  0:11000                    d n n n
ordered    3  2:11000                    ? ? ? ?
ordered    2  2:11000 3:11000            ? ? ? ?
ordered    2  2:11000 W                  ? ? ? ?
ordered    1  1:8000                     i ? n n
ordered    2  2:361                      ? ? g n
`;
const LETTERS = {
  inserted: 'i',
  duplicate: 'd',
  unavailable: 'u',
  guardMissing: 'g',
  withheld: 'w',
  notReached: 'n',
  unknown: '?',
};

test('a reply proves only what it accounts for', () => {
  for (const row of TABLE.trim().split('\n').slice(1)) {
    const [order, n, ...words] = row.trim().split(/\s+/);
    const errors = words.slice(0, -4).filter((word) => word.includes(':'));
    const reply: InsertReply = {
      n: Number(n),
      ...(errors.length === 0 ? {} : { writeErrors: errors.map(errorOf) }),
      ...(words.includes('W') ? { writeConcernError: { code: 64 } } : {}),
    };
    const letters = fatesOfReply(reply, 4, order as Order).map((fate) => LETTERS[fate]);
    assert.equal(letters, words.slice(-4), row);
  }
});

function errorOf(word: string): { index: number; code: number } {
  const [index, code] = word.split(':').map(Number) as [number, number];
  return { index, code };
}

test('an error that nobody knows proves nothing', () => {
  for (const error of [
    new Error('x'),
    new TypeError('x'),
    null,
    undefined,
    'MongoServerSelectionError',
    { code: 13 },
  ]) {
    assert.is(fateOfError(error), 'unknown');
  }
});

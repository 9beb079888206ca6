import {
  boolean,
  bytes,
  choice,
  dictionary,
  faultsOf,
  integer,
  list,
  nothing,
  nullable,
  pattern,
  positional,
  positionalAtLeast,
  record,
  recordAtLeast,
  refine,
  type Shape,
  text,
} from './shape.ts';
import { assert, suite } from './testing/kit.ts';

const test = suite('shape');

const small = integer({ min: 1, max: 9 });
const word = text({ lengthMin: 1, lengthMax: 5 });
const faults = (shape: Shape<unknown>, value: unknown) =>
  faultsOf(shape, value).map(({ field, rule }) => `${field}: ${rule}`);

/** A shape, what it takes and what it does not. */
const TABLE: [string, Shape<unknown>, unknown[], unknown[]][] = [
  ['boolean', boolean, [true, false], [0, 'true', null, undefined]],
  ['nothing', nothing, [null], [undefined, 0, false, '']],
  ['integer', small, [1, 9], [0, 10, 1.5, '1', 1n, Number.NaN, Number.POSITIVE_INFINITY, null, [1]]],
  ['text', word, ['a', 'abcde', 'é☀🎁'], ['', 'abcdef', 1, null, ['a'], '\ud800', 'a\udc00b', '\ufeffa']],
  ['pattern', pattern('hex', 4, /^[0-9a-f]+$/), ['0', 'beef'], ['', 'beefs', 'g', 'a\n', '\na', 1]],
  ['choice', choice('A', 'B'), ['A', 'B'], ['a', '', null, 0, 'toString', ['A']]],
  ['bytes', bytes({ lengthMin: 1, lengthMax: 2 }), [Uint8Array.of(1), Buffer.from('ab')], [Uint8Array.of(), 'a', [1]]],
  ['refine', refine(small, 'even', (value) => value % 2 === 0), [2, 8], [3, 10, '2']],
  ['nullable', nullable(small), [null, 1], [undefined, 0, '']],
  ['list', list(small, { lengthMin: 1, lengthMax: 2 }), [[1], [1, 2]], [[], [1, 2, 3], [0], 'ab', { length: 1 }, null]],
  ['record', record({ a: small }, { b: word }), [{ a: 1 }, { a: 1, b: 'x' }], [{}, { a: 1, c: 1 }, [], null, 'a']],
  ['record of own fields', record({ a: small }), [], [Object.create({ a: 1 }), new Map([['a', 1]]), new Date(0)]],
  ['recordAtLeast', recordAtLeast({ a: small }), [{ a: 1, c: {} }], [{ c: 1 }, { a: 0, c: 1 }, []]],
  ['dictionary', dictionary(small), [{}, { a: 1, constructor: 2 }], [{ a: 0 }, [], null, 'a']],
  ['positional', positional(['a', small], ['b', nullable(word)]), [[1], [1, null], [1, 'x']], [[], [1, 'x', null], {}]],
  ['positionalAtLeast', positionalAtLeast(['a', small]), [[1], [1, 2, 3]], [[], [0, 1], { 0: 1 }]],
];

for (const [name, shape, good, bad] of TABLE) {
  test(`${name} takes what it describes`, () => {
    for (const value of good) assert.equal(faults(shape, value), []);
  });
  test(`${name} refuses everything else`, () => {
    for (const value of bad) assert.ok(faults(shape, value).length > 0, `took ${String(value)}`);
  });
}

test('every fault is told at once, each with its path', () => {
  const shape = record({ list: list(positional(['n', small], ['w', word]), { lengthMax: 9 }), name: word });
  assert.equal(
    faults(shape, {
      list: [
        [1, 'x'],
        [0, ''],
      ],
      extra: 1,
    }),
    [
      'list[1].n: integer 1…9',
      'list[1].w: string of 1…5 characters',
      'extra: no such field',
      'name: required: string of 1…5 characters',
    ],
  );
});

test('a value that is not the container at all is called body', () => {
  assert.equal(faults(record({ a: small }), []), ['body: object']);
  assert.equal(faults(positional(['a', small]), null), ['body: array of a']);
});

test('trailing fields that were left out are read as null', () => {
  const value = [1];
  assert.equal(faults(positional(['a', small], ['b', nullable(small)], ['c', nullable(word)]), value), []);
  assert.equal(value, [1, null, null]);
});

test('names of Object’s own are fields like any other', () => {
  const hostile = JSON.parse('{"__proto__": 1, "constructor": 1, "a": 1}');
  assert.equal(faults(record({ a: small }), hostile), ['__proto__: no such field', 'constructor: no such field']);
  assert.equal(faults(record({ constructor: small }), {}), ['constructor: required: integer 1…9']);
});

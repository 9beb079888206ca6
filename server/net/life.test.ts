import { ERRORS } from '../../protocol/errors.ts';
import { assert, suite } from '../../protocol/testing/kit.ts';
import { PINNED_REASONS, STATES, type State, stepped } from './life.ts';

const test = suite('life');

const LEGAL = ['CONNECTED READY', 'CONNECTED CLOSED', 'READY DRAINING', 'READY CLOSED', 'DRAINING CLOSED'];

test('only the legal steps can be taken', () => {
  for (const from of STATES) {
    for (const to of STATES) {
      const step = () => stepped(from as State, to as State);
      if (LEGAL.includes(`${from} ${to}`)) assert.is(step(), to);
      else assert.throws(step, `cannot go from ${from} to ${to}`);
    }
  }
});

test('every row of the error table that closes is a reason here, and no other', () => {
  const closing = Object.entries(ERRORS).flatMap(([name, { closes }]) => (closes ? [name] : []));
  assert.equal([...PINNED_REASONS].sort(), closing.sort());
});

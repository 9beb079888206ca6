import { decodeBody, encodeFrame } from './codec.ts';
import { eventInputShape } from './event.ts';
import { KIND, PREFIX_BYTES } from './frame.ts';
import { sendable } from './sendable.ts';
import { faultsOf } from './shape.ts';
import { assert, suite } from './testing/kit.ts';

const test = suite('sendable');

function overTheWire(json: unknown): unknown {
  const body = decodeBody(encodeFrame(KIND.request, 32, 1, [null, sendable(json)]).subarray(PREFIX_BYTES));
  return (body as unknown[])[1];
}

test('what a body can carry is sent as it is', () => {
  const event = { eventKey: 'a', title: 'é☀🎁', stock: null, graceMs: 2 ** 40, rewards: [{ kind: 'x', amount: 1 }] };
  assert.equal(overTheWire(event), event);
});

test('what a body cannot carry arrives, and is refused under its own name', () => {
  const bad = [1.5, 2 ** 53, 1e300, -(2 ** 60), 'x'.repeat(5_000), '\ud800', '\ufeffx', [1.5]];
  for (const field of ['title', 'resetHour', 'startsAt', 'stock', 'state', 'timeZone']) {
    for (const value of bad) {
      const [fault] = faultsOf(eventInputShape, overTheWire({ eventKey: 'a', [field]: value }));
      assert.is(fault?.field, field);
    }
  }
});

test('hostile names and depths never make a body that is refused as a whole', () => {
  let deep: unknown = 'bottom';
  for (let i = 0; i < 50; i++) deep = i % 2 === 0 ? [deep] : { deep };
  const names = ['__proto__', 'x'.repeat(10_000), '\ud800', '\ufeff', '🎁'.repeat(60), '', 'é'.repeat(63)];
  for (const name of names) overTheWire(JSON.parse(JSON.stringify({ [`${name}`]: 1 })));
  overTheWire(JSON.parse('{"__proto__": {"a": 1}, "a": 1}'));
  overTheWire(deep);
});

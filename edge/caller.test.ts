import type { IncomingMessage } from 'node:http';
import { assert, suite } from '../protocol/testing/kit.ts';
import { Callers, userAgentOf } from './caller.ts';

const test = suite('callers');
type Seen = Pick<IncomingMessage, 'socket' | 'headers'>;
const seen = (remoteAddress: string | undefined, forwarded?: string) =>
  ({ socket: { remoteAddress }, headers: forwarded === undefined ? {} : { 'x-forwarded-for': forwarded } }) as Seen;

test('without trusted proxies the connection is what counts', () => {
  const callers = new Callers([]);
  assert.is(callers.addressOf(seen('203.0.113.1', '198.51.100.1')), '203.0.113.1');
  assert.is(callers.addressOf(seen('::ffff:203.0.113.1')), '203.0.113.1');
  assert.is(callers.addressOf(seen('2001:db8::1')), '2001:db8::1');
  assert.is(callers.addressOf(seen(undefined)), null);
});

test('from the right, the first address that no trusted proxy has', () => {
  const callers = new Callers(['10.0.0.0/8', '192.0.2.7', '2001:db8:1::/48']);
  const rows: readonly (readonly [from: string, forwarded: string | undefined, address: string])[] = [
    ['10.1.2.3', undefined, '10.1.2.3'],
    ['10.1.2.3', '198.51.100.1', '198.51.100.1'],
    ['10.1.2.3', '1.1.1.1, 198.51.100.1', '198.51.100.1'],
    ['10.1.2.3', '1.1.1.1, 198.51.100.1, 192.0.2.7,10.9.9.9', '198.51.100.1'],
    ['::ffff:10.1.2.3', '::ffff:198.51.100.1', '198.51.100.1'],
    ['2001:db8:1::5', '2001:db8:2::1', '2001:db8:2::1'],
    ['203.0.113.1', '198.51.100.1', '203.0.113.1'],
    ['10.1.2.3', '198.51.100.1, unknown', '10.1.2.3'],
    ['10.1.2.3', '', '10.1.2.3'],
    ['10.1.2.3', '10.0.0.1', '10.0.0.1'],
  ];
  for (const [from, forwarded, address] of rows) {
    assert.is(callers.addressOf(seen(from, forwarded)), address, `${from} ${forwarded}`);
  }
});

test('what is no address is refused when the edge is made', () => {
  for (const proxy of ['proxy', '10.0.0.0/x', '10.0.0.0/33', '']) {
    assert.throws(() => new Callers([proxy]), undefined, proxy);
  }
});

test('a long name of a program is cut', () => {
  assert.is(userAgentOf({ headers: { 'user-agent': 'x'.repeat(600) } })?.length, 512);
  assert.is(userAgentOf({ headers: {} }), null);
});

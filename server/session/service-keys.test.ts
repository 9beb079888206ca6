import { createHmac, randomBytes } from 'node:crypto';
import { proofBytes } from '../../protocol/handshake.ts';
import { assert, suite } from '../../protocol/testing/kit.ts';
import { parseServiceKeys, ServiceKeysRefused, serviceKeysOf } from './service-keys.ts';

const test = suite('service keys');
const KEY = Buffer.alloc(32, 0xfb);
const key = KEY.toString('base64');
const other = Buffer.alloc(40, 2).toString('base64url');

test('entries have an id, a key and roles', () => {
  const [game, edge, all] = parseServiceKeys(`game-1:${key}:game, edge.1:${other}:edge+admin,all:${key}`);
  assert.is(game?.service.serviceId, 'game-1');
  assert.equal(Buffer.from(game?.key ?? []), KEY);
  assert.equal([...(game?.service.roles ?? [])], ['game']);
  assert.equal([...(edge?.service.roles ?? [])], ['edge', 'admin']);
  assert.is(edge?.key.length, 40);
  assert.not(edge?.hasImplicitRoles);
  assert.equal([...(all?.service.roles ?? [])], ['game', 'edge', 'admin']);
  assert.ok(all?.hasImplicitRoles);
});

const secret = 'c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LXNlY3JldC1zZQ==';
const REFUSED: [name: string, list: string, message: RegExp][] = [
  ['empty', '', /entry 1: expected id:base64key/],
  ['a trailing comma', `a:${secret},`, /entry 2: expected/],
  ['no id', secret, /entry 1: expected/],
  ['an empty id', `:${secret}`, /entry 1: an id is/],
  ['a bad id', `a/b:${secret}`, /entry 1: an id is/],
  ['a long id', `${'a'.repeat(65)}:${secret}`, /entry 1: an id is/],
  [
    'a short key',
    `a:${key},b:${Buffer.alloc(31, 9).toString('base64')}`,
    /entry 2: a key has at least 32 bytes, this one 31/,
  ],
  ['not base64', `a:${secret.slice(0, 50)}!!!!${secret}`, /entry 1: the key is not base64/],
  ['cut base64', `a:${secret.slice(0, -5)}`, /entry 1: the key is not base64/],
  ['an unknown role', `a:${secret}:game+root`, /entry 1: roles are game, edge, admin/],
  ['empty roles', `a:${secret}:`, /entry 1: roles are/],
  ['too many parts', `a:${secret}:game:edge`, /entry 1: expected/],
  ['the same id twice', `a:${secret},b:${key},a:${other}`, /entry 3: the id of entry 1 again/],
];
for (const [name, list, message] of REFUSED) {
  test(`refused without telling the key: ${name}`, () => {
    try {
      parseServiceKeys(list);
    } catch (error) {
      assert.instance(error, ServiceKeysRefused);
      assert.match((error as Error).message, message);
      assert.not.match((error as Error).message, /c2VjcmV0/);
      return;
    }
    assert.unreachable('was taken');
  });
}

const keys = serviceKeysOf(parseServiceKeys(`game-1:${key}:game`), randomBytes);
const nonces = { serverNonce: Buffer.alloc(32, 1), clientNonce: Buffer.alloc(32, 2) };
const sign = (side: 'client' | 'server', serviceId: string, signingKey = KEY) =>
  createHmac('sha256', signingKey)
    .update(proofBytes({ side, ...nonces, serviceId }))
    .digest();

test('a signed HELLO is its service, and the server signs back', () => {
  const verdict = keys.verify({ serviceId: 'game-1', ...nonces, proof: sign('client', 'game-1') });
  assert.is(verdict?.service.serviceId, 'game-1');
  assert.equal(Buffer.from(verdict?.serverProof ?? []), sign('server', 'game-1'));
});

test('another key, side, nonce, id or length is refused', () => {
  const good = { serviceId: 'game-1', ...nonces, proof: sign('client', 'game-1') };
  assert.ok(keys.verify(good));
  assert.is(keys.verify({ ...good, proof: sign('client', 'game-1', Buffer.alloc(32, 9)) }), null);
  assert.is(keys.verify({ ...good, proof: sign('server', 'game-1') }), null);
  assert.is(keys.verify({ ...good, serverNonce: Buffer.alloc(32, 3) }), null);
  assert.is(keys.verify({ ...good, clientNonce: Buffer.alloc(32, 3) }), null);
  assert.is(keys.verify({ ...good, serviceId: 'game-2', proof: sign('client', 'game-2') }), null);
  assert.is(keys.verify({ ...good, proof: new Uint8Array(0) }), null);
});

/** Forged tokens against a server and an edge that run, and the very lines that they leave in the log. */
import { createHmac, createPublicKey, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { playerAt } from '../../../edge/testing/live.ts';
import { assert, suite } from '../../../protocol/testing/kit.ts';
import { TOKENS } from '../servers.ts';
import { STORE_CASES, stopStores } from '../stores.ts';
import { type Person, signedUp } from './http.ts';
import { withSite } from './site.ts';

const test = suite('forged tokens');
const [lmdb] = STORE_CASES;

type Members = Record<string, unknown>;
type Signer = (text: string) => Buffer;

const HEADER = { alg: 'ES256', typ: 'at+jwt', kid: TOKENS.key.kid };
const nowS = () => Math.floor(Date.now() / 1_000);
const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
const es256 = (key: KeyObject): Signer => {
  return (text) => sign('sha256', Buffer.from(text), { key, dsaEncoding: 'ieee-p1363' });
};
const ours = es256(TOKENS.key.privateKey);
const stranger = es256(generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey);
const nobody: Signer = () => Buffer.alloc(0);

/** A token that is good but for what is said, `undefined` leaving a member out. */
function tokenOf({ id, signedIn }: Person, { header = {}, payload = {} }: Forgery, signer: Signer = ours): string {
  const { issuer, audience } = TOKENS;
  const times = { iat: nowS(), exp: nowS() + 600 };
  const who = { sub: id, sid: signedIn.session.id, jti: 'j1', roles: ['ADMIN'] };
  const text = `${part({ ...HEADER, ...header })}.${part({ iss: issuer, aud: audience, ...who, ...times, ...payload })}`;
  return `${text}.${signer(text).toString('base64url')}`;
}
type Forgery = { header?: Members; payload?: Members };

function flippedSignature(token: string): string {
  const [header, payload, signature = ''] = token.split('.');
  const bytes = Buffer.from(signature, 'base64url');
  bytes.writeUInt8(bytes.readUInt8(7) ^ 0x10, 7);
  return `${header}.${payload}.${bytes.toString('base64url')}`;
}

/** What a public key looks like to somebody who takes it for a shared secret. */
function hmacWith(publicKey: string | Buffer): Signer {
  return (text) => createHmac('sha256', publicKey).update(text).digest();
}

function forgeriesOf(person: Person): Record<string, string> {
  const publicKey = createPublicKey(TOKENS.key.privateKey);
  const pem = publicKey.export({ type: 'spki', format: 'pem' });
  const der = publicKey.export({ type: 'spki', format: 'der' });
  const forged = (forgery: Forgery, signer?: Signer) => tokenOf(person, forgery, signer);
  return {
    'alg none': forged({ header: { alg: 'none' } }, nobody),
    'alg none, signed': forged({ header: { alg: 'none' } }),
    'HS256 with the public key as PEM': forged({ header: { alg: 'HS256' } }, hmacWith(pem)),
    'HS256 with the public key as DER': forged({ header: { alg: 'HS256' } }, hmacWith(der)),
    'HS256 with the public JWK set': forged({ header: { alg: 'HS256' } }, hmacWith(Buffer.from(TOKENS.jwks))),
    'an unknown key id': forged({ header: { kid: 'other' } }),
    'somebody else’s key under our id': forged({}, stranger),
    'no key id': forged({ header: { kid: undefined } }),
    'a key of its own in the header': forged({ header: { jwk: publicKey.export({ format: 'jwk' }) } }, stranger),
    'typ of a refresh token': forged({ header: { typ: 'rt+jwt' } }),
    'typ of a service token': forged({ header: { typ: 'JWT' } }),
    'no typ': forged({ header: { typ: undefined } }),
    'a refresh token itself': person.signedIn.refreshToken ?? '',
    'no exp': forged({ payload: { exp: undefined } }),
    'exp as text': forged({ payload: { exp: String(nowS() + 600) } }),
    'an exp that has passed': forged({ payload: { exp: nowS() - 1 } }),
    'another audience': forged({ payload: { aud: 'other' } }),
    'no audience': forged({ payload: { aud: undefined } }),
    'another issuer': forged({ payload: { iss: 'https://other.test' } }),
    'no issuer': forged({ payload: { iss: undefined } }),
    'no session': forged({ payload: { sid: undefined } }),
    '8 KiB': forged({ payload: { filler: 'x'.repeat(6_000) } }),
    'a bit of the signature flipped': flippedSignature(forged({})),
    'another payload under a good signature': forged({ payload: { sub: 'u_boss' } }, (text) =>
      ours(`${text.split('.')[0]}.${part({})}`),
    ),
  };
}

test('each is 401 and one line in the log, with a reason, without a stack and without the token', () =>
  lmdb?.withStores(1, (stores) =>
    withSite(stores, {}, async ({ nodes: [node], log }) => {
      const person = await signedUp(node.call, 'mira');
      await node.server.done('USER_ROLES_SET', null, person.id, ['ADMIN']);
      assert.is((await node.call('GET /v1/users', { token: tokenOf(person, {}) })).status, 200, 'the forger’s way');
      for (const [name, token] of Object.entries(forgeriesOf(person))) {
        for (const line of ['GET /v1/users', 'POST /v1/events/open/claims', 'GET /v1/me']) {
          log.length = 0;
          const { status, code } = await node.call(line, { token });
          assert.equal([status, code], [401, 'UNAUTHENTICATED'], `${name}: ${line}`);
          assertOneLine(log, token, name);
        }
      }
    }),
  ));

test('on the live channel each is 4401 and one line in the log', () =>
  lmdb?.withStores(1, (stores) =>
    withSite(stores, {}, async ({ nodes: [node], log }) => {
      const person = await signedUp(node.call, 'mira');
      for (const [name, token] of Object.entries(forgeriesOf(person))) {
        log.length = 0;
        const player = playerAt(node.port);
        await player.opened;
        player.say({ type: 'hello', accessToken: token, events: [] });
        assert.is(await player.closed, 4401, name);
        assertOneLine(log, token, name);
      }
    }),
  ));

/** The line as operators read it: JSON, with a reason that has no second line. */
function assertOneLine(log: readonly string[], token: string, name: string): void {
  assert.is(log.length, 1, `${name}: ${log.join('')}`);
  const [line = ''] = log;
  assert.is(line.indexOf('\n'), line.length - 1, `${name}: ${line}`);
  const { level, msg, reason, ...rest } = JSON.parse(line);
  assert.equal([level, msg, Object.keys(rest)], ['warn', 'access token refused', ['time']], name);
  assert.ok(typeof reason === 'string' && reason.length > 0 && !reason.includes('\n'), `${name}: ${reason}`);
  assert.not.match(line, /stack|\bat .*:\d+:\d+/, name);
  for (const secret of [token, ...token.split('.').filter((text) => text.length > 16)]) {
    assert.not.ok(line.includes(secret), `${name} tells the token`);
  }
}

test('the stores are stopped', stopStores);

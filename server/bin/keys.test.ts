import { createPublicKey, generateKeyPairSync } from 'node:crypto';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import jsonwebtoken from 'jsonwebtoken';
import { assert, rejection, suite } from '../../protocol/testing/kit.ts';
import {
  findServiceKeys,
  isDemoKey,
  jwksOf,
  openServiceKeys,
  openTokenKey,
  TOKEN_KEY_FILE,
  thumbprintOf,
} from './keys.ts';
import { rotateKeys } from './keys-command.ts';
import type { Settings } from './read-settings.ts';
import { SettingsRefused } from './refused.ts';
import { accessToken } from './token.ts';

const test = suite('keys');

async function inFolder(body: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'claimd-keys-'));
  try {
    await body(folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}
const development = (data: string) => ({ data, env: 'development' as const });
const production = (data: string) => ({ data, env: 'production' as const });
function ecKey(namedCurve: string) {
  return generateKeyPairSync('ec', { namedCurve }).privateKey;
}

test('development makes a service key once, for the owner only', () =>
  inFolder(async (folder) => {
    const data = join(folder, 'not', 'there');
    const made = await Promise.all([1, 2, 3].map(() => openServiceKeys({ given: null, ...development(data) })));
    const again = await findServiceKeys({ given: null, ...development(data) });
    for (const keys of made) assert.equal(keys, again);
    assert.equal(again.length, 1);
    assert.equal([...(again[0]?.service.roles ?? [])], ['game', 'edge', 'admin']);
    assert.is((await stat(join(data, 'service-keys'))).mode & 0o777, 0o600);
  }));

test('a key of the settings makes no file', () =>
  inFolder(async (folder) => {
    const given = await openServiceKeys({ given: null, ...development(join(folder, 'a')) });
    assert.is(await openServiceKeys({ given, ...development(join(folder, 'b')) }), given);
    assert.is((await rejection(stat(join(folder, 'b')))).message.slice(0, 6), 'ENOENT');
  }));

test('production makes nothing, and knows a key that development made', () =>
  inFolder(async (data) => {
    const refused = await rejection(openServiceKeys({ given: null, ...production(data) }));
    assert.is(refused.message, 'production needs --service-keys');
    assert.match((await rejection(openTokenKey({ file: null, ...production(data) }))).message, /^production needs/);
    const [key] = await openServiceKeys({ given: null, ...development(data) });
    assert.ok(key !== undefined && isDemoKey(key.key));
    await openTokenKey({ file: null, ...development(data) });
    const demo = await rejection(openTokenKey({ file: join(data, 'token-key.jwk'), ...production(data) }));
    assert.match(demo.message, /is the key of a demo$/);
  }));

test('a command that needs a service key does not make one up', () =>
  inFolder(async (data) => {
    const refused = await rejection(findServiceKeys({ given: null, ...development(data) }));
    assert.instance(refused, SettingsRefused);
    assert.match(refused.message, /^no service key: /);
  }));

test('names the key file that cannot be used', () =>
  inFolder(async (data) => {
    const path = join(data, 'service-keys');
    await writeFile(path, 'nonsense');
    const refused = await rejection(openServiceKeys({ given: null, ...development(data) }));
    assert.is(refused.message, `${path} cannot be used: service keys, entry 1: expected id:base64key[:roles]`);
  }));

test('takes a token key as JWK, PKCS#8 and SEC1, and calls it the same', () =>
  inFolder(async (data) => {
    const key = ecKey('P-256');
    const kids: string[] = [];
    for (const [name, text] of [
      ['jwk', JSON.stringify(key.export({ format: 'jwk' }))],
      ['pkcs8', key.export({ format: 'pem', type: 'pkcs8' })],
      ['sec1', key.export({ format: 'pem', type: 'sec1' })],
    ] as const) {
      await writeFile(join(data, name), text);
      kids.push((await openTokenKey({ file: join(data, name), ...production(data) })).kid);
    }
    assert.is(new Set(kids).size, 1);
  }));

test('refuses token keys of another kind in one line', () =>
  inFolder(async (data) => {
    const file = join(data, 'key');
    const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey;
    const p256 = ecKey('P-256');
    const wrong = [
      ecKey('P-384').export({ format: 'pem', type: 'pkcs8' }),
      JSON.stringify(ecKey('P-384').export({ format: 'jwk' })),
      rsa.export({ format: 'pem', type: 'pkcs8' }),
      createPublicKey(p256).export({ format: 'pem', type: 'spki' }),
      JSON.stringify(createPublicKey(p256).export({ format: 'jwk' })),
      p256.export({ format: 'pem', type: 'pkcs8', cipher: 'aes-128-cbc', passphrase: 'x' }),
      'nonsense',
      '{',
      '',
    ];
    for (const text of wrong) {
      await writeFile(file, text);
      const refused = await rejection(openTokenKey({ file, ...development(data) }));
      assert.instance(refused, SettingsRefused);
      assert.is(
        refused.message,
        `--token-key ${file} must hold a P-256 private key, as a JWK or PEM without a password`,
      );
    }
    const absent = await rejection(openTokenKey({ file: join(data, 'absent'), ...development(data) }));
    assert.match(absent.message, /absent cannot be read: ENOENT$/);
  }));

test('the key id is the thumbprint of RFC 7638', () => {
  // Made with an implementation of another language; RFC 7638 itself has an RSA example only.
  const x = 'f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU';
  const y = 'x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0';
  assert.is(thumbprintOf({ x, y }), 'oKIywvGUpTVTyxMQ3bwIIeQUudfr_CkLMjCE19ECD-U');
});

test('signs an access token that the published key verifies', () =>
  inFolder(async (data) => {
    const tokenKey = await openTokenKey({ file: null, ...development(data) });
    assert.is((await stat(join(data, 'token-key.jwk'))).mode & 0o777, 0o600);
    assert.not('d' in tokenKey.publicJwk);
    const token = accessToken({
      tokenKey,
      issuer: 'claimd',
      audience: 'claimd',
      user: 'u1',
      roles: ['USER'],
      ttlMs: 900_000,
      wallMs: Date.now(),
    });
    const key = createPublicKey({ key: tokenKey.publicJwk, format: 'jwk' });
    const { header, payload } = jsonwebtoken.verify(token, key, {
      algorithms: ['ES256'],
      issuer: 'claimd',
      audience: 'claimd',
      complete: true,
    });
    assert.equal(header, { alg: 'ES256', typ: 'at+jwt', kid: tokenKey.kid });
    const { sub, sid, roles, jti, iat = 0, exp } = payload as jsonwebtoken.JwtPayload;
    assert.equal([sub, sid, roles, exp], ['u1', 'cli', ['USER'], iat + 900]);
    assert.match(jti ?? '', /^[\w-]{22}$/);
    assert.is((await readFile(join(data, 'token-key.jwk'), 'utf8')).endsWith('\n'), true);
  }));

test('a rotation: a new key signs, the one before stays in the set, refresh tokens live on', async () => {
  await inFolder(async (data) => {
    const open = () => openTokenKey({ file: null, data, env: 'development' });
    const settings = { tokenKey: null, data } as Settings;
    assert.match((await rejection(rotateKeys(settings))).message, /^no token key/);
    const first = await open();
    const said = JSON.parse(await rotateKeys(settings));
    const second = await open();
    assert.equal(said, { kid: second.kid, previous: first.kid });
    assert.equal(second.previous, [first.publicJwk]);
    assert.equal(Buffer.from(second.refreshSecret), Buffer.from(first.refreshSecret));
    await rotateKeys(settings);
    const third = await open();
    assert.equal(third.previous, [second.publicJwk], 'two keys live, not three');
    assert.equal(Buffer.from(third.refreshSecret), Buffer.from(first.refreshSecret));
    const { keys } = JSON.parse(new TextDecoder().decode(jwksOf(third)));
    assert.equal(keys, [third.publicJwk, second.publicJwk]);
    assert.is((await stat(join(data, TOKEN_KEY_FILE))).mode & 0o777, 0o600);
    const inProduction = openTokenKey({ file: join(data, TOKEN_KEY_FILE), data, env: 'production' });
    assert.match((await rejection(inProduction)).message, /key of a demo/);
  });
});

import { createHmac, sign } from 'node:crypto';
import { nodeRuntime } from '../clients/runtime.ts';
import { assert, suite } from '../protocol/testing/kit.ts';
import { ok, withEdge } from './testing/fixture.ts';
import { readyServer } from './testing/live.ts';
import { eventOf } from './testing/samples.ts';
import { ACTOR, ISSUER, signingKey, tokenKeys, tokenOf } from './testing/tokens.ts';

const test = suite('access tokens');
const nowS = () => Math.floor(Date.now() / 1000);
const script = { EVENT_GET: () => ok('EVENT_GET', eventOf()) };
const PATH = '/v1/events/summer';

const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');

/** Tokens that a library would not sign: any header and payload with any signature. */
function forged(header: object, payload: object, signed: (text: string) => string): string {
  const text = `${part(header)}.${part(payload)}`;
  return `${text}.${signed(text)}`;
}

/** Flips the bit `bit` of byte `at` of the part `index`. */
function flipped(token: string, index: number, at: number): string {
  const parts = token.split('.');
  const bytes = Buffer.from(parts[index] as string, 'base64url');
  bytes[at] = (bytes[at] as number) ^ 1;
  parts[index] = bytes.toString('base64url');
  return parts.join('.');
}

test('every forged, stale or foreign token is 401 with one log line that tells the reason and not the token', async () => {
  await withEdge({ script }, async ({ call, key, token, log, asked }) => {
    const good = token();
    const stranger = signingKey('k1');
    const spki = key.publicKey.export({ type: 'spki', format: 'pem' }) as string;
    const hmac = (text: string) => createHmac('sha256', spki).update(text).digest('base64url');
    const es256 = (text: string) =>
      sign('sha256', Buffer.from(text), { key: key.privateKey, dsaEncoding: 'ieee-p1363' }).toString('base64url');
    const signature = good.split('.')[2] as string;
    const payload = JSON.parse(Buffer.from(good.split('.')[1] as string, 'base64url').toString());
    const header = { alg: 'ES256', typ: 'at+jwt', kid: 'k1' };
    const last = signature.charCodeAt(signature.length - 1);
    const rows: Record<string, string> = {
      'alg none': forged({ ...header, alg: 'none' }, payload, () => ''),
      'alg none with a signature': forged({ ...header, alg: 'none' }, payload, () => signature),
      'HS256 with the public key': forged({ ...header, alg: 'HS256' }, payload, hmac),
      'another key under our id': tokenOf(stranger),
      'an unknown key id': token({ header: { kid: 'k2' } }),
      'no key id': token({ header: { kid: undefined } }),
      'a refresh token': token({ header: { typ: 'JWT' } }),
      'no typ': token({ header: { typ: undefined } }),
      'a critical member': token({ header: { crit: ['b64'], b64: true } }),
      'no exp': token({ payload: { exp: undefined } }),
      'exp as text': forged(header, { ...payload, exp: String(nowS() + 900) }, es256),
      expired: token({ payload: { exp: nowS() - 1 } }),
      'not yet': token({ payload: { nbf: nowS() + 60 } }),
      'another audience': token({ payload: { aud: 'other' } }),
      'no audience': token({ payload: { aud: undefined } }),
      'another issuer': token({ payload: { iss: 'https://other.test' } }),
      'no issuer': token({ payload: { iss: undefined } }),
      'no sub': token({ payload: { sub: undefined } }),
      'a sub outside the alphabet': token({ payload: { sub: 'a/b' } }),
      'no sid': token({ payload: { sid: undefined } }),
      'no jti': token({ payload: { jti: undefined } }),
      'roles as text': token({ payload: { roles: 'ADMIN' } }),
      'no roles': token({ payload: { roles: undefined } }),
      '8 KiB': token({ payload: { filler: 'x'.repeat(6_000) } }),
      'a bit of the payload': flipped(good, 1, 10),
      'a bit of the signature': flipped(good, 2, 5),
      'spare bits of the signature': good.slice(0, -1) + String.fromCharCode(last + 1),
      'two parts': good.split('.').slice(0, 2).join('.'),
      garbage: 'garbage',
      'no JSON': 'a.b.c',
    };
    for (const [name, bad] of Object.entries(rows)) {
      log.length = 0;
      const answer = await call(PATH, { token: bad });
      assert.is(answer.status, 401, name);
      assert.is(answer.json.code, 'UNAUTHENTICATED', name);
      assert.is(answer.headers.get('www-authenticate'), 'Bearer error="invalid_token"', name);
      assert.is(log.length, 1, name);
      const line = JSON.stringify(log);
      assert.ok(!line.includes(bad) && !line.includes('    at '), `${name}: ${line}`);
    }
    assert.equal(asked, []);
    // The same forger with nothing wrong is let in: the rows above fail for their own reasons.
    assert.is((await call(PATH, { token: forged(header, payload, es256) })).status, 200);
  });
});

test('no token at all is 401 without an error, as RFC 6750 has it; headers that name a user are not read', async () => {
  await withEdge({ script }, async ({ call }) => {
    const answer = await call(PATH, { token: null, headers: { 'x-user-id': 'u1', 'x-user-roles': 'ADMIN' } });
    assert.is(answer.status, 401);
    assert.is(answer.headers.get('www-authenticate'), 'Bearer');
    const basic = await call(PATH, { token: null, headers: { authorization: 'Basic dTpw' } });
    assert.is(basic.status, 401);
  });
});

test('a token ends at its exp also when it was verified before', async () => {
  let passedMs = 0;
  let jumpedMs = 0;
  const runtime = {
    ...nodeRuntime,
    monotonicMs: () => nodeRuntime.monotonicMs() + passedMs,
    wallMs: () => nodeRuntime.wallMs() + jumpedMs,
  };
  await withEdge({ script, runtime }, async ({ call, token, change }) => {
    const parts = { payload: { exp: nowS() + 60 } };
    const statusOf = async (text: string) => (await call(PATH, { token: text })).status;
    const short = token(parts);
    assert.is(await statusOf(short), 200);
    for (const wallMs of [3_600_000, -3_600_000]) {
      jumpedMs = wallMs;
      assert.equal(
        [await statusOf(short), await statusOf(token(parts))],
        [200, 200],
        `this machine jumps ${wallMs} ms`,
      );
    }
    passedMs = 61_000;
    assert.equal([await statusOf(short), await statusOf(token(parts))], [401, 401]);
    // A server that is connected has the word on what o'clock it is.
    change(readyServer('127.0.0.1:1', Date.now() - runtime.monotonicMs()));
    assert.is(await statusOf(token(parts)), 200);
  });
});

test('a verified token costs no second verification, and a changed key set forgets it', async () => {
  const next = signingKey('k2');
  let nowMs = 0;
  const runtime = { ...nodeRuntime, monotonicMs: () => nowMs };
  await withEdge({ script, runtime }, async ({ call, token, script: replace }) => {
    const old = token();
    assert.is((await call(PATH, { token: old })).status, 200);
    replace({ ...script, TOKEN_KEYS: () => ok('TOKEN_KEYS', tokenKeys(next)) });
    nowMs += 10_000;
    assert.is((await call(PATH, { token: old })).status, 200);
    assert.is((await call(PATH, { token: tokenOf(next) })).status, 200);
    assert.is((await call(PATH, { token: old })).status, 401);
  });
});

test('unknown key ids ask the server at a bounded rate', async () => {
  let loads = 0;
  let nowMs = 0;
  const runtime = { ...nodeRuntime, monotonicMs: () => nowMs };
  const keys = signingKey('other');
  const TOKEN_KEYS = () => {
    loads++;
    return ok('TOKEN_KEYS', tokenKeys(keys));
  };
  await withEdge({ script: { ...script, TOKEN_KEYS }, runtime }, async ({ call }) => {
    await call(PATH);
    const before = loads;
    for (let i = 0; i < 20; i++) assert.is((await call(PATH)).status, 401);
    assert.is(loads, before);
    nowMs += 2_001;
    assert.is((await call(PATH)).status, 401);
    assert.is(loads, before + 1);
  });
});

test('without any key nobody can be judged: 503, not 401; the jwks says the same', async () => {
  const away = () => ({ code: 'SERVER_UNAVAILABLE' as const, retryAfterMs: 500 });
  await withEdge({ script: { TOKEN_KEYS: away } }, async ({ call, script: replace }) => {
    const answer = await call(PATH);
    assert.is(answer.status, 503);
    assert.is(answer.json.code, 'SERVER_UNAVAILABLE');
    assert.is((await call('/.well-known/jwks.json')).status, 503);
    replace(script);
    assert.is((await call(PATH)).status, 200);
    assert.is((await call('/.well-known/jwks.json')).status, 200);
  });
});

test('a trusted issuer speaks for the users of its prefix, as USER and without a session of ours', async () => {
  const [own, theirs] = [signingKey('k1'), signingKey('k1')];
  const [jwks] = tokenKeys(theirs);
  const trusted: [string, string, string, Uint8Array][] = [['https://studio.test', 'game', 'studio-', jwks]];
  const TOKEN_KEYS = () => {
    const [ours, issuer, audience] = tokenKeys(own);
    return ok('TOKEN_KEYS', [ours, issuer, audience, trusted]);
  };
  await withEdge({ script: { ...script, TOKEN_KEYS } }, async ({ call, asked, log }) => {
    const foreign = { iss: 'https://studio.test', aud: 'game', sub: 'studio-7' };
    const good = tokenOf(theirs, { payload: { ...foreign, sid: 's1', roles: ['ADMIN'], jti: undefined } });
    assert.is((await call(PATH, { token: good })).status, 200);
    assert.is((await call(PATH, { token: tokenOf(own) })).status, 200);
    const actors = asked.map(({ args }) => (args as unknown[])[0]);
    assert.equal(actors, [['studio-7', 'cli', ['USER'], ...ACTOR.slice(3)], ACTOR]);
    const rows = {
      'a user of ours': { ...foreign, sub: 'u1' },
      'no user': { ...foreign, sub: undefined },
      'our audience': { ...foreign, aud: 'claimd' },
      'our name': { ...foreign, iss: ISSUER, aud: 'claimd' },
      'no end': { ...foreign, exp: undefined },
      'an issuer that nobody named': { ...foreign, iss: 'https://other.test' },
    };
    for (const [name, payload] of Object.entries(rows)) {
      log.length = 0;
      assert.is((await call(PATH, { token: tokenOf(theirs, { payload }) })).status, 401, name);
      assert.is(log.length, 1, name);
    }
    assert.is((await call(PATH, { token: tokenOf(own, { payload: foreign }) })).status, 401, 'signed by us');
    assert.is((await call(PATH, { token: tokenOf(theirs, { header: { typ: 'JWT' }, payload: foreign }) })).status, 401);
    const published = (await call('/.well-known/jwks.json', { token: null })).json.keys;
    assert.is(published.length, 1);
  });
});

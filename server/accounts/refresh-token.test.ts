import { createHash } from 'node:crypto';
import { refreshTokenShape } from '../../protocol/accounts.ts';
import { faultsOf } from '../../protocol/shape.ts';
import { assert, suite } from '../../protocol/testing/kit.ts';
import { chanceOf } from '../../protocol/testing/random.ts';
import { firstToken, readToken, refreshKeysOf, successorOf } from './refresh-token.ts';

const test = suite('refresh token');
const chance = chanceOf(5);
const keys = refreshKeysOf(chance.bytes(32));
const sessionId = 's.AbCdEf_-0123456789abcd';
const { token, hash } = firstToken(keys, sessionId, chance.bytes(32));

test('a token reads as its session and its hash, and fits the wire', () => {
  assert.equal(readToken(keys, token), { sessionId, hash });
  assert.is(hash, createHash('sha256').update(token).digest('hex'));
  assert.equal(faultsOf(refreshTokenShape, token), []);
});

test('the successor is the same wherever it is derived, and another for each generation and key', () => {
  const next = successorOf(keys, { token, sessionId, generation: 2 });
  assert.equal(successorOf(keys, { token, sessionId, generation: 2 }), next);
  assert.equal(readToken(keys, next.token), { sessionId, hash: next.hash });
  assert.is.not(successorOf(keys, { token, sessionId, generation: 3 }).token, next.token);
  const others = refreshKeysOf(chance.bytes(32));
  assert.is.not(successorOf(others, { token, sessionId, generation: 2 }).token, next.token);
  assert.is(readToken(others, next.token), null);
});

test('what we never issued is nothing, whatever session it names', () => {
  const [prefix, text] = [token.slice(0, token.lastIndexOf('.')), token.slice(token.lastIndexOf('.') + 1)];
  const forged = Buffer.from(chance.bytes(48)).toString('base64url');
  for (let i = 0; i < text.length; i++) {
    const flipped = text.slice(0, i) + (text[i] === 'A' ? 'B' : 'A') + text.slice(i + 1);
    assert.is(readToken(keys, `${prefix}.${flipped}`), null, `character ${i}, seed ${chance.seed}`);
  }
  for (const wrong of ['', prefix, `${prefix}.`, `${prefix}.${forged}`, `s.other.${text}`, `${token}A`, `${token}.x`]) {
    assert.is(readToken(keys, wrong), null, wrong);
  }
});

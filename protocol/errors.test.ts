import { ERRORS, type ErrorName, type ErrorRow, errorName } from './errors.ts';
import { assert, suite } from './testing/kit.ts';
import { tableAfter } from './testing/readme.ts';

const test = suite('errors');
const rows = Object.entries(ERRORS) as [ErrorName, ErrorRow][];

/** Written out once more on purpose: peers hold these numbers, so a change here must be a decision. */
const PINNED = `
OK 0 200 none · GRANTED 1 201 none · REPLAYED 2 200 none
ALREADY_CLAIMED 10 409 never · IN_PROGRESS 11 409 sameId · KEY_REUSED 12 422 never
EVENT_NOT_FOUND 20 404 never · NOT_STARTED 21 409 newId · ENDED 22 409 newId · PAUSED 23 409 newId
NOT_ELIGIBLE 24 403 newId · SOLD_OUT 25 409 newId
RATE_LIMITED 30 429 sameId · BUSY 31 503 sameId · DRAINING 32 503 sameId · STORE_UNAVAILABLE 33 503 sameId
GUARD_MISSING 34 503 sameId · OUTCOME_UNKNOWN 35 503 sameId · MOVED 36 503 sameId · SERVER_UNAVAILABLE 37 503 sameId
BAD_CREDENTIALS 48 401 never · SESSION_ENDED 49 401 never
UNAUTHENTICATED 50 401 never · FORBIDDEN 51 403 never · BAD_REQUEST 52 400 never · OP_UNKNOWN 53 400 never
NOT_FOUND 54 404 never · METHOD_NOT_ALLOWED 55 405 never · PAYLOAD_TOO_LARGE 56 413 never
UNSUPPORTED_MEDIA_TYPE 57 415 never · NOT_ACCEPTABLE 58 406 never · INTERNAL 59 500 sameId
CLAIM_NOT_FOUND 70 404 never · EVENT_EXISTS 71 409 never · EVENT_FIELD_FIXED 72 409 never
VERSION_MISMATCH 73 412 never · STOCK_BELOW_GRANTED 74 409 never
USERNAME_TAKEN 80 409 never · USER_NOT_FOUND 81 404 never · SESSION_NOT_FOUND 82 404 never
LAST_ADMIN 83 409 never · ROLE_BUILT_IN 84 409 never · ROLE_NOT_FOUND 85 404 never
ROLE_EXISTS 86 409 never · ROLE_IN_USE 87 409 never
FRAME_TOO_LARGE 100 close never · FRAME_MALFORMED 101 close never · VERSION_UNSUPPORTED 102 close never
HANDSHAKE_TIMEOUT 103 close sameId · HANDSHAKE_REFUSED 104 close never · HANDSHAKE_EXPECTED 105 close never
FRAME_TIMEOUT 106 close sameId · IDLE_TIMEOUT 107 close sameId · SLOW_READER 108 close sameId
TOO_MANY_IN_FLIGHT 109 close sameId · TOO_MANY_CONNECTIONS 110 close sameId · NUMBER_REUSED 111 close never
SHUTDOWN 112 close sameId`
  .trim()
  .split(/\n| · /);

test('codes, HTTP statuses and retries are the pinned ones', () => {
  const now = rows.map(([name, row]) => `${name} ${row.code} ${row.closes ? 'close' : row.http} ${row.retry}`);
  // Rows may be added; those that are pinned may not change.
  assert.equal(
    now.filter((row) => PINNED.some((pinned) => pinned.split(' ')[0] === row.split(' ')[0])),
    PINNED,
  );
});

test('codes are u16, unique and in order of precedence', () => {
  const codes = rows.map(([, { code }]) => code);
  assert.equal(
    codes,
    [...new Set(codes)].sort((a, b) => a - b),
  );
  assert.ok(codes.every((code) => Number.isInteger(code) && code >= 0 && code <= 0xffff));
});

test('a code leads to its name and an unknown one to nothing', () => {
  for (const [name, { code }] of rows) assert.is(errorName(code), name);
  for (const code of [-1, 3, 1.5, 65_535, Number.NaN]) assert.is(errorName(code), undefined);
});

test('sentences are sentences, each its own', () => {
  const sentences = rows.map(([, { sentence }]) => sentence);
  assert.is(new Set(sentences).size, sentences.length);
  for (const sentence of sentences) assert.match(sentence, /^[A-Z].*\.$/);
});

test('an HTTP edge speaks of nothing but its own statuses', () => {
  // 502 and 504 are what proxies say of themselves.
  for (const [name, { http }] of rows) assert.ok(http < 500 || http === 500 || http === 503, name);
});

test('the spec’s table is the code’s, row by row', () => {
  const said = tableAfter('Errors').map(([code, name, retry, closes, http, , sentence]) =>
    [code, name, retry, closes, http, sentence].join(' | '),
  );
  const coded = rows.map(([name, row]) =>
    [
      row.code,
      name,
      row.retry === 'none' ? '–' : row.retry,
      row.closes ? 'yes' : '–',
      row.closes ? '–' : row.http,
      row.sentence,
    ].join(' | '),
  );
  assert.equal(said, coded);
});

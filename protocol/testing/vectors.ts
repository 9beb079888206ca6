/**
 * The golden frames as TypeScript: `pin.ts` writes them to `protocol/vectors/*.json`, `vectors.test.ts` holds the pinned
 * files against what the code makes today. JSON has no bytes: `{"$bytes": "hex"}` stands for them.
 */
import { createHmac } from 'node:crypto';
import type { AuditView, RoleView, SessionView, SignedIn, UserView } from '../accounts.ts';
import { type BatchTuple, decodeBatch } from '../batch.ts';
import { encodeBatch } from '../batch-pack.ts';
import type { Claim } from '../claim.ts';
import { encodeClaim } from '../claim.ts';
import { decodeBody, encodeBody, encodeFrame, type Value, widen } from '../codec.ts';
import { ERRORS, type ErrorName } from '../errors.ts';
import type { EventView } from '../event.ts';
import { KIND } from '../frame.ts';
import { proofBytes } from '../handshake.ts';
import { encodeBlock } from '../journal.ts';
import { LIMITS } from '../limits.ts';
import { OPS, type OpName } from '../ops.ts';
import { encodeReady } from '../ready.ts';
import { encodeProblem, type Problem } from '../reply.ts';
import { batchAsked, batchOutcomes } from './batch-vectors.ts';
import { blocksAt } from './journal-vectors.ts';
import { upkeepFrames } from './upkeep-vectors.ts';

export type Vector = {
  name: string;
  kind: keyof typeof KIND;
  op: OpName;
  opNumber: number;
  number: number;
  /** Replies only. */
  outcome?: ErrorName;
  /** Replies to CLAIM_BATCH only: what each claim of the request before it reads as, null where none was asked for. */
  entries?: unknown;
  body: unknown;
  hex: string;
};

export const NOW = Date.UTC(2026, 10, 22, 5, 0, 0, 123);
const DAY = 86_400_000;
const countUp = (from: number) => Uint8Array.from({ length: 32 }, (_, i) => from + i);

const serviceKey = countUp(0x00);
const serverNonce = countUp(0xa0);
const clientNonce = countUp(0xc0);
const serviceId = 'game-1';
function signed(side: 'client' | 'server') {
  const input = proofBytes({ side, serverNonce, clientNonce, serviceId });
  return { input, proof: new Uint8Array(createHmac('sha256', serviceKey).update(input).digest()) };
}
/** The worked example of the handshake. */
export const handshake = {
  serviceKey,
  serviceId,
  serverNonce,
  clientNonce,
  clientInput: signed('client').input,
  clientProof: signed('client').proof,
  serverInput: signed('server').input,
  serverProof: signed('server').proof,
};

const claim: Claim = {
  claimKey: 'welcome/-/u1',
  eventKey: 'welcome',
  period: '-',
  userId: 'u1',
  requestId: 'r-1',
  grantedAt: NOW,
  configVersion: 1,
  slot: null,
  rewards: [{ kind: 'currency', id: 'gold', amount: 100 }],
  delivery: { state: 'PENDING', attempts: 0, fulfilledAt: null },
};
const dailyClaim: Claim = {
  ...claim,
  claimKey: 'summer/20261122/u1',
  eventKey: 'summer',
  period: '20261122',
  requestId: 'r-2',
  configVersion: 3,
  slot: 41,
  rewards: [
    { kind: 'item', id: 'sword-of-dawn', amount: 1 },
    { kind: 'currency', id: 'gold', amount: 5_000_000_000 },
  ],
  delivery: { state: 'FULFILLED', attempts: 2, fulfilledAt: NOW + 1_500 },
};
const welcomeClaim = encodeClaim(claim, null);
const summerClaim = encodeClaim(dailyClaim, NOW + DAY);
const window = { serverTime: NOW, startsAt: NOW - DAY, endsAt: NOW + DAY };
const actor = ['u1', 's-1', ['USER']];
/** As an edge sends it that knows when the token was issued and where the request came from. */
const operator = ['u2', 's.2', ['OPERATOR'], NOW - 60_000, '192.0.2.7'];
const admin = ['u3', 's.3', ['ADMIN'], NOW - 60_000, '192.0.2.8'];
const iso = (ms: number) => new Date(ms).toISOString();

const view: EventView = {
  eventKey: 'summer',
  title: 'Summer login ☀',
  startsAt: iso(NOW - DAY),
  endsAt: iso(NOW + 7 * DAY),
  timeZone: 'Asia/Seoul',
  resetHour: 4,
  period: 'daily',
  rewards: dailyClaim.rewards,
  stock: 100,
  eligibility: { kind: 'everyone' },
  graceMs: 600_000,
  mode: 'direct',
  modeSchedule: [{ from: '20:00', to: '23:00', mode: 'journal' }],
  splitBy: 'day',
  store: 'main',
  state: 'LIVE',
  configVersion: 3,
  serverTime: iso(NOW),
};
const { configVersion: _version, serverTime: _time, ...input } = view;

function vector(kind: keyof typeof KIND, op: OpName, number: number, name: string, values: unknown[]): Vector {
  const opNumber = OPS[op].op;
  const hex = hexOf(encodeFrame(KIND[kind], opNumber, number, widen(values) as Value[]));
  return { name, kind, op, opNumber, number, body: toJson(values), hex };
}
const notice = (op: OpName, name: string, ...body: unknown[]) => vector('notice', op, 0, name, body);
const request = (op: OpName, number: number, name: string, ...body: unknown[]) =>
  vector('request', op, number, name, body);
function reply(op: OpName, number: number, name: string, outcome: ErrorName, result: unknown): Vector {
  return { ...vector('reply', op, number, name, [ERRORS[outcome].code, result, null]), outcome };
}
function refusal(op: OpName, number: number, problem: Problem): Vector {
  return { ...vector('reply', op, number, problem.code, encodeProblem(problem)), outcome: problem.code };
}

const handshakeFrames = [
  notice('WELCOME', 'WELCOME', 1, 1, 'cluster-1', 'node-1', serverNonce, LIMITS.frameBytesMaxBeforeReady),
  request('HELLO', 1, 'HELLO', 1, 'example/1.0', serviceId, clientNonce, handshake.clientProof),
  reply(
    'HELLO',
    1,
    'READY',
    'OK',
    encodeReady({
      frameBytesMax: LIMITS.frameBytesMax,
      inFlightFramesMax: LIMITS.inFlightFramesMax,
      inFlightClaimsMax: LIMITS.inFlightClaimsMax,
      batchClaimsMax: LIMITS.batchClaimsMax,
      shardMapVersion: 1,
      serverProof: handshake.serverProof,
      serverTimeMs: NOW,
      roles: ['game'],
    }),
  ),
];

const control = [
  request('PING', 9, 'PING'),
  reply('PING', 9, 'the reply to PING', 'OK', null),
  notice('GOAWAY', 'GOAWAY before a shutdown', ERRORS.SHUTDOWN.code),
  notice('CLOSE', 'CLOSE with a sentence', ERRORS.FRAME_TOO_LARGE.code, 'frame of 4294967295 bytes, at most 4096'),
  notice('CLOSE', 'CLOSE without a sentence', ERRORS.IDLE_TIMEOUT.code, null),
];

const claims = [
  request('CLAIM', 2, 'CLAIM by a game server', null, 'welcome', 'u1', 'r-1', 5_000),
  request('CLAIM', 3, 'CLAIM by an edge for its user', actor, 'welcome', null, 'r-1', null),
  request('CLAIM', 4, 'CLAIM with trailing arguments left out', null, 'welcome', 'u1'),
  reply('CLAIM', 2, 'GRANTED', 'GRANTED', welcomeClaim),
  reply('CLAIM', 2, 'GRANTED with stock and a next claim', 'GRANTED', summerClaim),
  reply('CLAIM', 2, 'REPLAYED', 'REPLAYED', welcomeClaim),
  ...problems().map((problem) => refusal('CLAIM', 2, problem)),
  {
    ...vector('reply', 'CLAIM', 2, 'GRANTED by a later server that appends fields', [
      ERRORS.GRANTED.code,
      [...welcomeClaim, 'later'],
      null,
      'later',
    ]),
    outcome: 'GRANTED' as const,
  },
  request('CLAIM_BY_REQUEST', 5, 'CLAIM_BY_REQUEST', null, 'u1', 'r-1'),
  reply('CLAIM_BY_REQUEST', 5, 'its claim', 'OK', welcomeClaim),
  refusal('CLAIM_BY_REQUEST', 5, { code: 'CLAIM_NOT_FOUND' }),
  request('CLAIMS_OF_USER', 6, 'CLAIMS_OF_USER', actor, null, null, 2, null),
  reply('CLAIMS_OF_USER', 6, 'a page with more after it', 'OK', [[summerClaim, welcomeClaim], 'bmV4dA']),
  request('CLAIMS_LIST', 7, 'CLAIMS_LIST', null, 'summer', null, NOW - DAY, NOW, 200, 'bmV4dA'),
  reply('CLAIMS_LIST', 7, 'the last page', 'OK', [[], null]),
];

/** Every outcome of a claim that is not a success. */
export function problems(): Problem[] {
  const later = ['IN_PROGRESS', 'RATE_LIMITED', 'BUSY', 'DRAINING', 'STORE_UNAVAILABLE', 'GUARD_MISSING'] as const;
  return [
    { code: 'ALREADY_CLAIMED', claim: { ...dailyClaim, nextClaimAt: NOW + DAY } },
    { code: 'KEY_REUSED' },
    { code: 'EVENT_NOT_FOUND' },
    { code: 'NOT_STARTED', window: { serverTime: NOW, startsAt: NOW + DAY, endsAt: null } },
    { code: 'ENDED', window: { ...window, endsAt: NOW - 1 } },
    { code: 'PAUSED', window },
    { code: 'NOT_ELIGIBLE', reasons: ['listed'] },
    { code: 'SOLD_OUT', window },
    ...later.map((code, i) => ({ code, retryAfterMs: 100 + i })),
    { code: 'OUTCOME_UNKNOWN' },
    { code: 'MOVED', address: '127.0.0.1:7401', mapVersion: 2 },
    { code: 'UNAUTHENTICATED', detail: 'The session has ended.' },
    { code: 'FORBIDDEN' },
    { code: 'BAD_REQUEST', faults: [{ field: 'eventKey', rule: '1…64 characters of A-Z a-z 0-9 . _ : -' }] },
    { code: 'OP_UNKNOWN' },
    { code: 'INTERNAL' },
  ];
}

const blocks = blocksAt(NOW);

const bytesOf = (text: string) => new TextEncoder().encode(text);
const events = [
  request('EVENT_CREATE', 16, 'EVENT_CREATE', null, input),
  reply('EVENT_CREATE', 16, 'the event', 'OK', { ...view, configVersion: 1 }),
  refusal('EVENT_CREATE', 16, { code: 'EVENT_EXISTS' }),
  request('EVENT_CHANGE', 17, 'EVENT_CHANGE', null, 'summer', { endsAt: null, stock: 200 }, 3),
  refusal('EVENT_CHANGE', 17, { code: 'VERSION_MISMATCH' }),
  refusal('EVENT_CHANGE', 17, { code: 'EVENT_FIELD_FIXED' }),
  refusal('EVENT_CHANGE', 17, { code: 'STOCK_BELOW_GRANTED' }),
  request('EVENT_GET', 18, 'EVENT_GET for a user', actor, 'summer'),
  reply('EVENT_GET', 18, 'the event with the user’s next claim', 'OK', { ...view, nextClaimAt: iso(NOW + DAY) }),
  request('EVENT_LIST', 19, 'EVENT_LIST', null, 50, null),
  reply('EVENT_LIST', 19, 'a page', 'OK', [[view], null]),
  request('EVENT_PAUSE', 20, 'EVENT_PAUSE by an operator through an edge', operator, 'summer'),
  reply('EVENT_PAUSE', 20, 'the paused event', 'OK', { ...view, state: 'PAUSED', configVersion: 4 }),
  request('EVENT_RESUME', 21, 'EVENT_RESUME', null, 'summer'),
  reply('EVENT_RESUME', 21, 'the event again', 'OK', { ...view, configVersion: 5 }),
  request('EVENT_MODE', 28, 'EVENT_MODE', operator, 'summer', 'journal'),
  reply('EVENT_MODE', 28, 'the event in its new mode', 'OK', { ...view, mode: 'journal', configVersion: 6 }),
  refusal('EVENT_MODE', 28, { code: 'MOVED', address: '127.0.0.1:7401', mapVersion: 2 }),
  request('QUALIFY', 22, 'QUALIFY', null, 'summer', ['u1', 'u2', 'u2']),
  reply('QUALIFY', 22, 'received, added, existing', 'OK', [3, 2, 1]),
  request('DISQUALIFY', 23, 'DISQUALIFY', null, 'summer', ['u2', 'u3']),
  reply('DISQUALIFY', 23, 'received, removed, absent', 'OK', [2, 1, 1]),
  request('QUALIFIED', 24, 'QUALIFIED', null, 'summer', 'u1'),
  reply('QUALIFIED', 24, 'yes', 'OK', true),
  request('TOKEN_KEYS', 25, 'TOKEN_KEYS', null),
  reply('TOKEN_KEYS', 25, 'jwks, issuer, audience', 'OK', [bytesOf('{"keys":[]}'), 'claimd', 'claimd']),
  reply('TOKEN_KEYS', 25, 'with the issuer of a studio', 'OK', [
    bytesOf('{"keys":[]}'),
    'claimd',
    'claimd',
    [['https://id.example', 'game', 'studio:', bytesOf('{"keys":[]}')]],
  ]),
  request('STATUS', 26, 'STATUS', null),
  reply('STATUS', 26, 'not ready', 'OK', [false, { store: { ok: false, detail: 'no answer' } }]),
  request('METRICS', 27, 'METRICS', null),
  reply('METRICS', 27, 'the document', 'OK', bytesOf('{"claims":1}')),
  request('JOURNAL_BLOCKS', 29, 'JOURNAL_BLOCKS from the oldest', null),
  request('JOURNAL_BLOCKS', 29, 'JOURNAL_BLOCKS behind an offset', null, 67_112_960, 10),
  reply('JOURNAL_BLOCKS', 29, 'blocks with more behind them', 'OK', [blocks.map(encodeBlock), blocks.at(-1)?.offset]),
  refusal('JOURNAL_BLOCKS', 29, { code: 'NOT_FOUND', detail: 'this store has no journal' }),
  ...upkeepFrames({ request, reply, refusal, operator, now: NOW }),
];

const user: UserView = { id: 'u1', username: 'Mira', roles: ['USER'], createdAt: iso(NOW - DAY) };
const session: SessionView = {
  id: 's.1',
  deviceId: 'phone-1',
  createdAt: iso(NOW),
  lastUsedAt: iso(NOW),
  expiresAt: iso(NOW + 14 * DAY),
  userAgent: 'example/1.0',
};
const signedIn: SignedIn = {
  accessToken: 'header.payload.signature',
  accessExpiresAt: iso(NOW + 600_000),
  refreshToken: 's.1.c2VjcmV0',
  refreshExpiresAt: session.expiresAt,
  tokenType: 'Bearer',
  session,
};
const role: RoleView = {
  name: 'PAUSER',
  title: 'May pause',
  description: 'Stops what runs wild.',
  permissions: ['events.write'],
  builtIn: false,
};
const { builtIn: _builtIn, ...roleInput } = role;
const entry: AuditView = {
  at: iso(NOW),
  actor: 'u3',
  from: '192.0.2.8',
  action: 'user.roles',
  subject: 'u1',
  before: { roles: ['USER'] },
  after: { roles: ['USER', 'OPERATOR'] },
};

const accounts = [
  request('REGISTER', 32, 'REGISTER', null, 'Mira', 'correct horse', '192.0.2.7', 'example/1.0'),
  reply('REGISTER', 32, 'the user', 'OK', user),
  refusal('REGISTER', 32, { code: 'USERNAME_TAKEN' }),
  request('LOGIN', 33, 'LOGIN', null, 'mira', 'correct horse', 'phone-1', null, '192.0.2.7', 'example/1.0'),
  reply('LOGIN', 33, 'signed in', 'OK', signedIn),
  reply('LOGIN', 33, 'signed in on a device with a live session', 'OK', {
    ...signedIn,
    refreshToken: null,
    refreshExpiresAt: null,
  }),
  refusal('LOGIN', 33, { code: 'BAD_CREDENTIALS' }),
  refusal('LOGIN', 33, { code: 'RATE_LIMITED', retryAfterMs: 30_000 }),
  request('REFRESH', 34, 'REFRESH', null, 's.1.c2VjcmV0', 'phone-1', '192.0.2.7', 'example/1.0'),
  reply('REFRESH', 34, 'the successor', 'OK', { ...signedIn, refreshToken: 's.1.c3VjY2Vzc29y' }),
  refusal('REFRESH', 34, { code: 'SESSION_ENDED' }),
  request('LOGOUT', 35, 'LOGOUT', operator),
  reply('LOGOUT', 35, 'done', 'OK', null),
  request('ME', 36, 'ME', actor),
  reply('ME', 36, 'the user', 'OK', user),
  request('SESSIONS_OF_USER', 37, 'SESSIONS_OF_USER', actor),
  reply('SESSIONS_OF_USER', 37, 'all of them', 'OK', [[session], null]),
  request('SESSION_END', 38, 'SESSION_END', actor, 's.1'),
  refusal('SESSION_END', 38, { code: 'SESSION_NOT_FOUND' }),
  request('PASSWORD_CHANGE', 39, 'PASSWORD_CHANGE', actor, 'correct horse', 'battery staple'),
  request('ERASE_SELF', 40, 'ERASE_SELF', actor, 'battery staple'),
  request('USERS_LIST', 41, 'USERS_LIST', admin, ['OPERATOR', 'AUDITOR'], 'any', 'mi', 50, null),
  reply('USERS_LIST', 41, 'a page', 'OK', [[user, { ...user, id: 'u9', username: null, roles: [] }], 'bmV4dA']),
  request('USER_ROLES_SET', 42, 'USER_ROLES_SET', admin, 'u1', ['USER', 'OPERATOR']),
  reply('USER_ROLES_SET', 42, 'the user', 'OK', { ...user, roles: ['USER', 'OPERATOR'] }),
  refusal('USER_ROLES_SET', 42, { code: 'LAST_ADMIN' }),
  request('USER_LOGOUT', 43, 'USER_LOGOUT', admin, 'u1'),
  refusal('USER_LOGOUT', 43, { code: 'USER_NOT_FOUND' }),
  request('USER_ERASE', 44, 'USER_ERASE', admin, 'u1'),
  request('ROLES_LIST', 45, 'ROLES_LIST', admin),
  reply('ROLES_LIST', 45, 'all of them', 'OK', [[role], null]),
  request('ROLE_CREATE', 46, 'ROLE_CREATE', admin, roleInput),
  reply('ROLE_CREATE', 46, 'the role', 'OK', role),
  refusal('ROLE_CREATE', 46, { code: 'ROLE_EXISTS' }),
  request('ROLE_CHANGE', 47, 'ROLE_CHANGE', admin, 'PAUSER', { title: 'Pauser' }),
  refusal('ROLE_CHANGE', 47, { code: 'ROLE_BUILT_IN' }),
  refusal('ROLE_CHANGE', 47, { code: 'ROLE_NOT_FOUND' }),
  request('ROLE_DELETE', 48, 'ROLE_DELETE', admin, 'PAUSER'),
  refusal('ROLE_DELETE', 48, { code: 'ROLE_IN_USE' }),
  request('AUDIT_LIST', 49, 'AUDIT_LIST', admin, 'u3', 'user.roles', null, NOW - DAY, NOW, 50, null),
  reply('AUDIT_LIST', 49, 'a page', 'OK', [[entry], null]),
  request('SUBSCRIBE', 50, 'SUBSCRIBE', null, ['summer'], ['u1']),
  reply('SUBSCRIBE', 50, 'the event as it stands', 'OK', [[['summer', 'LIVE', 59]]]),
  request('UNSUBSCRIBE', 51, 'UNSUBSCRIBE', null, null, ['u1']),
  notice('EVENT_CHANGED', 'EVENT_CHANGED', 'summer', 'PAUSED', 59),
  notice('CLAIM_GRANTED', 'CLAIM_GRANTED', welcomeClaim),
  notice('REVOKED', 'REVOKED, one session', 'u1', 's.1', NOW, NOW + 615_000),
  notice('REVOKED', 'REVOKED, the whole user', 'u1', null, NOW, NOW + 30 * DAY),
];

const { eventKey, batchId, userIds } = batchAsked;
const batchResult = encodeBatch(batchOutcomes);
const batchEntries = decodeBatch(decodeBody(encodeBody(batchResult)) as BatchTuple, batchAsked);
const batches: Vector[] = [
  request('CLAIM_BATCH', 8, 'CLAIM_BATCH', null, eventKey, batchId, userIds, 5_000),
  {
    ...reply('CLAIM_BATCH', 8, 'an outcome for each', 'OK', batchResult),
    entries: JSON.parse(JSON.stringify(batchEntries)),
  },
  refusal('CLAIM_BATCH', 8, { code: 'FORBIDDEN' }),
];

/** File name without its ending → frames. */
export const VECTORS = { handshake: handshakeFrames, control, claims, batches, events, accounts };

export function hexOf(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

export function bytesOfHex(hex: string): Uint8Array {
  return Uint8Array.from(hex.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
}

/** A body as JSON. */
export function toJson(value: unknown): unknown {
  if (value instanceof Uint8Array) return { $bytes: hexOf(value) };
  if (typeof value === 'bigint') return Number(value);
  if (Array.isArray(value)) return value.map(toJson);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, toJson(inner)]));
}

/** The inverse of `toJson`, but for bigints. */
export function fromJson(json: unknown): unknown {
  if (Array.isArray(json)) return json.map(fromJson);
  if (typeof json !== 'object' || json === null) return json;
  if ('$bytes' in json) return bytesOfHex(json.$bytes as string);
  return Object.fromEntries(Object.entries(json).map(([key, inner]) => [key, fromJson(inner)]));
}

/**
 * The JSON of requests and answers as JSON Schema, for /openapi.json. Nothing is checked with these: the shapes of
 * protocol/ do that, and a test holds the two together in both directions.
 */
import { DELIVERY_STATES } from '../../protocol/claim.ts';
import { ERRORS } from '../../protocol/errors.ts';
import { EVENT_STATES, PERIODS, SPLITS } from '../../protocol/event.ts';
import { LIMITS } from '../../protocol/limits.ts';
import { MODE_ENTRIES_MAX, MODES } from '../../protocol/mode.ts';
import { GUARD_STATES } from '../../protocol/upkeep.ts';

export type Schema = { readonly [member: string]: unknown };
type Properties = Record<string, Schema>;

const INTEGER_MAX = Number.MAX_SAFE_INTEGER;
const time: Schema = { type: 'string', format: 'date-time' };
const count: Schema = { type: 'integer', minimum: 0, maximum: INTEGER_MAX };
const cursor = orNull({ type: 'string' });
const word: Schema = { type: 'string', minLength: 1, maxLength: 64 };

function key(lengthMax: number): Schema {
  return { type: 'string', minLength: 1, maxLength: lengthMax, pattern: '^[A-Za-z0-9._:-]+$' };
}

function orNull(schema: Schema): Schema {
  return { anyOf: [schema, { type: 'null' }] };
}

/** An answer: more members may come with later versions. */
function object(properties: Properties, { optional = [] }: { optional?: readonly string[] } = {}): Schema {
  const required = Object.keys(properties).filter((name) => !optional.includes(name));
  return { type: 'object', required, properties };
}

/** A request: exactly these members. */
function input(properties: Properties, required: readonly string[]): Schema {
  return { type: 'object', required, properties, additionalProperties: false };
}

function page(item: string): Schema {
  return object({ items: { type: 'array', items: ref(item), maxItems: LIMITS.pageLengthMax }, nextCursor: cursor });
}

function ref(name: string): Schema {
  return { $ref: `#/components/schemas/${name}` };
}

const mode: Schema = { type: 'string', enum: MODES };
const clockTime: Schema = { type: 'string', pattern: '^([01]\\d|2[0-3]):[0-5]\\d$', description: 'HH:MM' };

const eventFields: Properties = {
  title: { type: 'string', minLength: 1, maxLength: 200 },
  startsAt: time,
  endsAt: orNull(time),
  timeZone: { ...word, description: 'IANA time zone' },
  resetHour: { type: 'integer', minimum: 0, maximum: 23 },
  period: { type: 'string', enum: PERIODS },
  rewards: { type: 'array', items: ref('Reward'), maxItems: LIMITS.rewardsMax },
  stock: orNull({ type: 'integer', minimum: 0, maximum: 1_000_000_000 }),
  eligibility: input({ kind: { type: 'string', enum: ['everyone', 'listed'] } }, ['kind']),
  graceMs: { type: 'integer', minimum: 0, maximum: 30 * 86_400_000 },
  state: { type: 'string', enum: EVENT_STATES },
  mode: { ...mode, description: 'A patch may only repeat it; POST …/mode changes it.' },
  modeSchedule: {
    type: 'array',
    description: 'Local hours with a mode of their own. No two overlap.',
    items: input({ from: clockTime, to: clockTime, mode }, ['from', 'to', 'mode']),
    maxItems: MODE_ENTRIES_MAX,
  },
  splitBy: {
    type: 'string',
    enum: SPLITS,
    description:
      'Claims of MongoDB in collections of their own: by event, or by day (daily events). Fixed by the first claim.',
  },
  store: { type: 'string', maxLength: 64, description: 'The named store that keeps its claims; it never changes.' },
};

const claim = object({
  claimKey: { type: 'string', description: 'eventKey/period/userId' },
  eventKey: key(LIMITS.eventKeyLengthMax),
  period: { type: 'string' },
  userId: key(LIMITS.userIdLengthMax),
  requestId: { type: 'string', minLength: 1, maxLength: LIMITS.requestIdLengthMax },
  grantedAt: time,
  configVersion: count,
  slot: orNull(count),
  rewards: { type: 'array', items: ref('Reward') },
  delivery: object({ state: { type: 'string', enum: DELIVERY_STATES }, attempts: count, fulfilledAt: orNull(time) }),
  nextClaimAt: orNull(time),
});

const problem: Schema = {
  type: 'object',
  required: ['type', 'title', 'status', 'code'],
  properties: {
    type: { type: 'string', format: 'uri' },
    title: { type: 'string' },
    status: { type: 'integer' },
    code: {
      type: 'string',
      enum: Object.entries(ERRORS).flatMap(([name, row]) => (row.http >= 400 && !row.closes ? [name] : [])),
    },
    detail: { type: 'string', description: 'For people; programs read code.' },
    claim: ref('Claim'),
    nextClaimAt: orNull(time),
    serverTime: time,
    startsAt: time,
    endsAt: orNull(time),
    retryAfterMs: count,
    reasons: { type: 'array', items: { type: 'string' } },
    errors: {
      type: 'array',
      description: 'Fields and rules that they break; of a file that was taken in part, lines.',
      items: object(
        { field: { type: 'string' }, line: count, rule: { type: 'string' } },
        { optional: ['field', 'line'] },
      ),
    },
    received: { ...count, description: 'Of a file that was taken in part; with it what became of its rows.' },
    added: count,
    existing: count,
    removed: count,
    absent: count,
    rejected: count,
  },
};

const username: Schema = { type: 'string', minLength: 1, maxLength: LIMITS.usernameLengthMax };
const password: Schema = { type: 'string', minLength: 1, maxLength: LIMITS.passwordLengthMax };
const newPassword: Schema = { ...password, minLength: LIMITS.passwordLengthMin };
const visible = '^[\\x21-\\x7e]+$';
const deviceId: Schema = { type: 'string', minLength: 1, maxLength: LIMITS.deviceIdLengthMax, pattern: visible };
const refreshToken: Schema = { type: 'string', minLength: 1, maxLength: 512, pattern: visible };
const roleName: Schema = { ...word, pattern: '^[A-Z][A-Z0-9_]*$' };
const roleFields: Properties = {
  title: { type: 'string', maxLength: 200 },
  description: { type: 'string', maxLength: 1_000 },
  permissions: { type: 'array', items: word, maxItems: LIMITS.permissionsMax },
};

const user = object({
  id: key(LIMITS.userIdLengthMax),
  username: orNull(username),
  roles: { type: 'array', items: word, maxItems: LIMITS.rolesOfUserMax },
  createdAt: time,
});

const session = object({
  id: { type: 'string' },
  deviceId,
  createdAt: time,
  lastUsedAt: time,
  expiresAt: time,
  userAgent: { type: 'string' },
});

const signedIn = object({
  accessToken: { type: 'string' },
  accessExpiresAt: time,
  refreshToken: { ...orNull({ type: 'string' }), description: 'Null on a device whose session is alive.' },
  refreshExpiresAt: orNull(time),
  tokenType: { type: 'string', enum: ['Bearer'] },
  session: ref('Session'),
});

const auditEntry = object({
  at: time,
  actor: { type: 'string', description: 'A user id or service:ID' },
  from: orNull({ type: 'string' }),
  action: { type: 'string' },
  subject: { type: 'string' },
  before: {},
  after: {},
});

/** What became of the rows of a file. */
function rows(changed: string, unchanged: string): Schema {
  const error = object({ line: { ...count, minimum: 1 }, rule: { type: 'string' } });
  const errors: Schema = { type: 'array', items: error, maxItems: 100, description: 'The first of the rejected rows.' };
  return object({ received: count, [changed]: count, [unchanged]: count, rejected: count, errors });
}

const check = object({ ok: { type: 'boolean' }, detail: orNull({ type: 'string' }) });

const incomplete: Schema = {
  type: 'array',
  items: word,
  description: 'Stores that did not answer, and whose claims are not in the page. Absent when all of them did.',
};

export const SCHEMAS = {
  Reward: input(
    { kind: word, id: { type: 'string', minLength: 1, maxLength: 128 }, amount: { ...count, minimum: 1 } },
    ['kind', 'id', 'amount'],
  ),
  Claim: claim,
  ClaimAnswer: object({ claim: ref('Claim') }),
  ClaimPage: object(
    {
      items: { type: 'array', items: ref('Claim'), maxItems: LIMITS.pageLengthMax },
      nextCursor: cursor,
      incomplete,
    },
    { optional: ['incomplete'] },
  ),
  ClaimList: object(
    {
      items: { type: 'array', items: ref('Claim'), maxItems: LIMITS.pageLengthMax },
      nextCursor: cursor,
      incomplete,
      asOf: {
        ...orNull(time),
        description:
          'What was acknowledged by then is listed; null while no server knows, after the journal’s writer was lost.',
      },
    },
    { optional: ['incomplete'] },
  ),
  Outcome: object({ outcome: { type: 'string', enum: ['GRANTED', 'REPLAYED'] }, claim: ref('Claim') }),
  Event: object(
    {
      eventKey: key(LIMITS.eventKeyLengthMax),
      ...eventFields,
      configVersion: { ...count, minimum: 1 },
      serverTime: time,
      nextClaimAt: orNull(time),
    },
    { optional: ['nextClaimAt'] },
  ),
  EventPage: page('Event'),
  EventInput: input({ eventKey: key(LIMITS.eventKeyLengthMax), ...eventFields }, ['eventKey']),
  EventPatch: input(eventFields, []),
  ModeInput: input({ mode }, ['mode']),
  Nothing: input({}, []),
  User: user,
  UserAnswer: object({ user: ref('User') }),
  UserPage: page('User'),
  Session: session,
  SessionPage: page('Session'),
  SignedIn: signedIn,
  Registration: { type: 'object', required: ['username', 'password'], properties: { username, password: newPassword } },
  Login: input({ username, password, deviceId, replaceSession: { type: 'boolean' } }, [
    'username',
    'password',
    'deviceId',
  ]),
  Refresh: input({ refreshToken, deviceId }, ['refreshToken', 'deviceId']),
  PasswordChange: input({ currentPassword: password, newPassword }, ['currentPassword', 'newPassword']),
  Password: input({ password }, ['password']),
  RoleNames: input({ roles: { type: 'array', items: roleName, maxItems: LIMITS.rolesOfUserMax } }, ['roles']),
  Role: object({ name: word, ...roleFields, builtIn: { type: 'boolean' } }),
  RolePage: page('Role'),
  RoleInput: input({ name: roleName, ...roleFields }, ['name']),
  RolePatch: input(roleFields, []),
  AuditEntry: auditEntry,
  AuditPage: page('AuditEntry'),
  Store: object({
    store: word,
    reachable: { type: 'boolean' },
    collections: { type: 'array', items: ref('Collection') },
    journal: object({ backlogClaims: count, oldestMs: count }),
  }),
  Collection: object({
    name: { type: 'string' },
    claims: { ...count, description: 'As the store counts them by itself' },
    bytes: count,
    indexBytes: count,
    guard: { type: 'string', enum: GUARD_STATES },
  }),
  StoreList: object({ items: { type: 'array', items: ref('Store') } }),
  Qualified: rows('added', 'existing'),
  Disqualified: rows('removed', 'absent'),
  Qualification: object({ userId: key(LIMITS.userIdLengthMax), qualified: { type: 'boolean' } }),
  Problem: problem,
  Health: object({ ok: { type: 'boolean' } }),
  Readiness: object({ ready: { type: 'boolean' }, checks: { type: 'object', additionalProperties: check } }),
  JwkSet: object({ keys: { type: 'array', items: { type: 'object' } } }),
  Document: { type: 'object' },
  Text: { type: 'string' },
} satisfies Record<string, Schema>;

export type SchemaName = keyof typeof SCHEMAS;
/** Schemas of request bodies; `Nothing` is an empty object and may be left out altogether. */
export type BodyName =
  | 'EventInput'
  | 'EventPatch'
  | 'ModeInput'
  | 'Nothing'
  | 'Registration'
  | 'Login'
  | 'Refresh'
  | 'PasswordChange'
  | 'Password'
  | 'RoleNames'
  | 'RoleInput'
  | 'RolePatch';

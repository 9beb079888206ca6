/**
 * Every outcome, error and close reason of the protocol as data. Numbers are never reused. Order is precedence: where
 * two answers are true, the earlier row is given. `retry` says what a caller may do: `never`; `newId`, a new attempt
 * with a new request id; `sameId`, ask again with the same request id. `closes` ends the connection.
 */
export type Retry = 'none' | 'never' | 'newId' | 'sameId';
export type ErrorRow = { code: number; retry: Retry; closes: boolean; http: number; sentence: string };

function row(code: number, http: number, retry: Retry, sentence: string): ErrorRow {
  return { code, retry, closes: false, http, sentence };
}
/** A close reason has no HTTP answer of its own: a request caught in it ends as SERVER_UNAVAILABLE or OUTCOME_UNKNOWN. */
function close(code: number, retry: Retry, sentence: string): ErrorRow {
  return { code, retry, closes: true, http: 503, sentence };
}

export const ERRORS = {
  OK: row(0, 200, 'none', 'The request was carried out.'),
  GRANTED: row(1, 201, 'none', 'The claim is durable and is the only grant of its claim key.'),
  REPLAYED: row(2, 200, 'none', 'This request id was granted before; here is its claim.'),

  ALREADY_CLAIMED: row(10, 409, 'never', 'The reward of this period has been claimed before.'),
  IN_PROGRESS: row(11, 409, 'sameId', 'The same request is still being decided.'),
  KEY_REUSED: row(12, 422, 'never', 'This request id belongs to another request of the user.'),

  EVENT_NOT_FOUND: row(20, 404, 'never', 'There is no such event.'),
  NOT_STARTED: row(21, 409, 'newId', 'The event has not started.'),
  ENDED: row(22, 409, 'newId', 'The event is over.'),
  PAUSED: row(23, 409, 'newId', 'The event is paused.'),
  NOT_ELIGIBLE: row(24, 403, 'newId', 'The user does not meet the conditions of the event.'),
  SOLD_OUT: row(25, 409, 'newId', 'Every unit of this period is granted.'),

  RATE_LIMITED: row(30, 429, 'sameId', 'Too many requests of this user.'),
  BUSY: row(31, 503, 'sameId', 'The server has too much to do; nothing was decided.'),
  DRAINING: row(32, 503, 'sameId', 'The server is stopping and takes nothing new.'),
  STORE_UNAVAILABLE: row(33, 503, 'sameId', 'The store cannot be reached; nothing was sent to it.'),
  GUARD_MISSING: row(34, 503, 'sameId', 'The unique index that guards this event is missing.'),
  OUTCOME_UNKNOWN: row(
    35,
    503,
    'sameId',
    'The outcome is not known; asking again with the same request id resolves it.',
  ),
  MOVED: row(36, 503, 'sameId', 'Another node owns this shard.'),
  SERVER_UNAVAILABLE: row(37, 503, 'sameId', 'No claim server can be reached; nothing was sent.'),

  BAD_CREDENTIALS: row(48, 401, 'never', 'The user name or the password is wrong.'),
  SESSION_ENDED: row(49, 401, 'never', 'The session has ended; sign in again.'),
  UNAUTHENTICATED: row(50, 401, 'never', 'The caller has not proved who they are.'),
  FORBIDDEN: row(51, 403, 'never', 'The caller may not do this.'),
  BAD_REQUEST: row(52, 400, 'never', 'The request is not well formed.'),
  OP_UNKNOWN: row(53, 400, 'never', 'The server does not know this operation.'),
  NOT_FOUND: row(54, 404, 'never', 'There is nothing at this address.'),
  METHOD_NOT_ALLOWED: row(55, 405, 'never', 'This address does not take this method.'),
  PAYLOAD_TOO_LARGE: row(56, 413, 'never', 'The body is too large.'),
  UNSUPPORTED_MEDIA_TYPE: row(57, 415, 'never', 'The body has a media type that is not taken here.'),
  NOT_ACCEPTABLE: row(58, 406, 'never', 'The answer exists in none of the media types asked for.'),
  INTERNAL: row(59, 500, 'sameId', 'The server met a fault of its own.'),

  CLAIM_NOT_FOUND: row(70, 404, 'never', 'There is no such claim.'),
  EVENT_EXISTS: row(71, 409, 'never', 'An event with this key exists.'),
  EVENT_FIELD_FIXED: row(72, 409, 'never', 'This field cannot change after the first claim.'),
  VERSION_MISMATCH: row(73, 412, 'never', 'The event has changed since the version named.'),
  STOCK_BELOW_GRANTED: row(74, 409, 'never', 'More units than that are granted.'),
  USERNAME_TAKEN: row(80, 409, 'never', 'Another user has this name.'),
  USER_NOT_FOUND: row(81, 404, 'never', 'There is no such user.'),
  SESSION_NOT_FOUND: row(82, 404, 'never', 'There is no such session.'),
  LAST_ADMIN: row(83, 409, 'never', 'Nobody would be left who holds the role ADMIN.'),
  ROLE_BUILT_IN: row(84, 409, 'never', 'A built-in role cannot be changed.'),
  ROLE_NOT_FOUND: row(85, 404, 'never', 'There is no such role.'),
  ROLE_EXISTS: row(86, 409, 'never', 'A role with this name exists.'),
  ROLE_IN_USE: row(87, 409, 'never', 'The role is held by a user.'),

  FRAME_TOO_LARGE: close(100, 'never', 'A frame is larger than the agreed limit.'),
  FRAME_MALFORMED: close(101, 'never', 'A frame header has a version, kind, flag or length that is not allowed.'),
  VERSION_UNSUPPORTED: close(102, 'never', 'Client and server share no protocol version.'),
  HANDSHAKE_TIMEOUT: close(103, 'sameId', 'The handshake was not finished in time.'),
  HANDSHAKE_REFUSED: close(104, 'never', 'The credential was refused.'),
  HANDSHAKE_EXPECTED: close(105, 'never', 'Only HELLO may be sent before READY.'),
  FRAME_TIMEOUT: close(106, 'sameId', 'A frame was not completed in time.'),
  IDLE_TIMEOUT: close(107, 'sameId', 'The peer was silent for too long.'),
  SLOW_READER: close(108, 'sameId', 'The peer does not read its replies.'),
  TOO_MANY_IN_FLIGHT: close(109, 'sameId', 'More requests are in flight than were agreed.'),
  TOO_MANY_CONNECTIONS: close(110, 'sameId', 'The server has as many connections as it may have.'),
  NUMBER_REUSED: close(111, 'never', 'A request number is in use by a request in flight.'),
  SHUTDOWN: close(112, 'sameId', 'The server has finished what it accepted and stops.'),
} as const satisfies Record<string, ErrorRow>;

export type ErrorName = keyof typeof ERRORS;

const nameByCode = new Map<number, ErrorName>();
for (const [name, { code }] of Object.entries(ERRORS)) {
  if (nameByCode.has(code)) throw new Error(`error code ${code} is used twice`);
  nameByCode.set(code, name as ErrorName);
}

/** The name of a code, or undefined for a number of a later version. */
export function errorName(code: number): ErrorName | undefined {
  return nameByCode.get(code);
}

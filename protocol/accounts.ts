/**
 * People as callers see them: users, sessions on devices, roles, the audit log. As with events there is one shape for
 * HTTP JSON and for maps on the wire, so that the edge passes them through. Times are ISO 8601 in UTC. What a password
 * or a user name must further hold is the server's matter: its rules may grow without a new protocol.
 */
import { utcTime } from './event.ts';
import { userIdShape } from './key.ts';
import { LIMITS } from './limits.ts';
import {
  anything,
  boolean,
  choice,
  list,
  nullable,
  pattern,
  record,
  recordAtLeast,
  type Shape,
  type TypeOf,
  text,
} from './shape.ts';

/** As typed; the server compares the canonical form (NFKC, case folded). */
export const usernameShape = text({ lengthMin: 1, lengthMax: LIMITS.usernameLengthMax });
/** Where a password is proved any length is judged by the hash; where it is chosen it has a minimum. */
export const passwordShape = text({ lengthMin: 1, lengthMax: LIMITS.passwordLengthMax });
export const newPasswordShape = text({ lengthMin: LIMITS.passwordLengthMin, lengthMax: LIMITS.passwordLengthMax });
export const deviceIdShape = pattern(
  `1…${LIMITS.deviceIdLengthMax} characters of A-Z a-z 0-9 . _ : -`,
  LIMITS.deviceIdLengthMax,
  /^[A-Za-z0-9._:-]+$/,
);
export const sessionIdShape = text({ lengthMin: 1, lengthMax: 128 });
/** What the id of every session begins with that a server has stored. */
export const SESSION_PREFIX = 's.';
/** What tokens of the command line name in place of a session, and what stands for the sessions of other issuers. */
export const NO_SESSION = 'cli';

/** False for tokens that live without a stored session: those of the command line and of other issuers. */
export function isStoredSession(sessionId: string): boolean {
  return sessionId.startsWith(SESSION_PREFIX);
}

export const refreshTokenShape = pattern('a refresh token', 512, /^[\x21-\x7e]+$/);
/** Where a request came from, for the audit log: an IP address as the edge saw it. */
export const addressShape = text({ lengthMin: 1, lengthMax: 64 });
export const userAgentShape = text({ lengthMax: 512 });

export const roleNameShape = pattern('1…64 characters of A-Z 0-9 _, a letter first', 64, /^[A-Z][A-Z0-9_]*$/);
export const roleNamesShape = list(roleNameShape, { lengthMax: LIMITS.rolesOfUserMax });
export const ROLE_MATCHES = ['any', 'all'] as const;
export type RoleMatch = (typeof ROLE_MATCHES)[number];

export type UserView = {
  id: string;
  /** Null once the user was erased. */
  username: string | null;
  roles: string[];
  createdAt: string;
};
export const userViewShape: Shape<UserView> = recordAtLeast({
  id: userIdShape,
  username: nullable(usernameShape),
  roles: list(text({ lengthMin: 1, lengthMax: 64 }), { lengthMax: LIMITS.rolesOfUserMax }),
  createdAt: utcTime,
});

export type SessionView = {
  id: string;
  deviceId: string;
  createdAt: string;
  lastUsedAt: string;
  /** The end when it is not used before; using it moves this as far as the absolute end. */
  expiresAt: string;
  userAgent: string;
};
export const sessionViewShape: Shape<SessionView> = recordAtLeast({
  id: sessionIdShape,
  deviceId: deviceIdShape,
  createdAt: utcTime,
  lastUsedAt: utcTime,
  expiresAt: utcTime,
  userAgent: userAgentShape,
});

/** What a login or a refresh gives. Without a new refresh token both of its fields are null. */
export type SignedIn = {
  accessToken: string;
  accessExpiresAt: string;
  refreshToken: string | null;
  refreshExpiresAt: string | null;
  tokenType: 'Bearer';
  session: SessionView;
};
export const signedInShape: Shape<SignedIn> = recordAtLeast({
  accessToken: text({ lengthMin: 1, lengthMax: LIMITS.stringBytesMax }),
  accessExpiresAt: utcTime,
  refreshToken: nullable(refreshTokenShape),
  refreshExpiresAt: nullable(utcTime),
  tokenType: choice('Bearer'),
  session: sessionViewShape,
});

const permissions = list(text({ lengthMin: 1, lengthMax: 64 }), { lengthMax: LIMITS.permissionsMax });
const roleFields = { title: text({ lengthMax: 200 }), description: text({ lengthMax: 1_000 }), permissions };
export const roleInputShape = record({ name: roleNameShape }, roleFields);
export const rolePatchShape = record({}, roleFields);
export type RoleInput = TypeOf<typeof roleInputShape>;
export type RolePatch = TypeOf<typeof rolePatchShape>;

export type RoleView = {
  name: string;
  title: string;
  description: string;
  permissions: string[];
  builtIn: boolean;
};
export const roleViewShape: Shape<RoleView> = recordAtLeast({
  name: text({ lengthMin: 1, lengthMax: 64 }),
  ...roleFields,
  builtIn: boolean,
});

/** `actor` is a user id or `service:ID`; `before` and `after` are whatever the act changed, or null. */
export type AuditView = {
  at: string;
  actor: string;
  from: string | null;
  action: string;
  subject: string;
  before: unknown;
  after: unknown;
};
export const auditNameShape = text({ lengthMin: 1, lengthMax: 256 });
export const auditViewShape: Shape<AuditView> = recordAtLeast({
  at: utcTime,
  actor: auditNameShape,
  from: nullable(addressShape),
  action: auditNameShape,
  subject: auditNameShape,
  before: anything,
  after: anything,
});

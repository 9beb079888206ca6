/**
 * Query and path parameters: what each name may hold, once, for the check and for OpenAPI alike. A parameter that a
 * route does not know is refused, because a misspelt filter must not answer with everything.
 */
import type { FastifyRequest } from 'fastify';
import {
  auditNameShape,
  ROLE_MATCHES,
  roleNameShape,
  roleNamesShape,
  sessionIdShape,
  usernameShape,
} from '../protocol/accounts.ts';
import { utcTime } from '../protocol/event.ts';
import { eventKeyShape, requestIdShape, userIdShape } from '../protocol/key.ts';
import { LIMITS } from '../protocol/limits.ts';
import { choice, faultsOf, pattern, record, refine, type Shape, text } from '../protocol/shape.ts';
import { checked } from './refusal.ts';

type Parameter = { shape: Shape<string>; description: string };

const ROLES = /^[A-Z][A-Z0-9_]*(,[A-Z][A-Z0-9_]*)*$/;
const roleList = refine(
  pattern('names of roles, joined by commas', 2_048, ROLES),
  `up to ${LIMITS.rolesOfUserMax} names of roles of up to 64 characters, joined by commas`,
  (value) => faultsOf(roleNamesShape, value.split(',')).length === 0,
);

export const QUERY = {
  eventKey: { shape: eventKeyShape, description: 'Only claims of this event.' },
  userId: { shape: userIdShape, description: 'Only claims of this user.' },
  from: { shape: utcTime, description: 'Only what happened at this time or later.' },
  to: { shape: utcTime, description: 'Only what happened before this time.' },
  roles: {
    shape: roleList,
    description: 'Only users with these roles, joined by commas; an unknown role is an error.',
  },
  match: { shape: choice(...ROLE_MATCHES), description: 'Whether a user has any of the roles (the default) or all.' },
  username: { shape: usernameShape, description: 'Only users whose name begins so.' },
  actor: { shape: auditNameShape, description: 'Only what this user did, or service:ID.' },
  action: { shape: auditNameShape, description: 'Only this kind of act, such as user.roles.' },
  subject: { shape: auditNameShape, description: 'Only what was done to this.' },
  limit: {
    shape: pattern(`integer 1…${LIMITS.pageLengthMax}`, 3, /^(?:[1-9]\d?|1\d\d|200)$/),
    description: 'Items on a page, 1 to 200.',
  },
  cursor: { shape: text({ lengthMin: 1, lengthMax: 512 }), description: 'The nextCursor of the page before.' },
} satisfies Record<string, Parameter>;
export type QueryName = keyof typeof QUERY;

export const PARAMS = {
  eventKey: { shape: eventKeyShape, description: 'Key of an event.' },
  requestId: { shape: requestIdShape, description: 'Request id of a claim.' },
  userId: { shape: userIdShape, description: 'Id of a user.' },
  sessionId: { shape: sessionIdShape, description: 'Id of one of the caller’s sessions.' },
  roleName: { shape: roleNameShape, description: 'Name of a role.' },
} satisfies Record<string, Parameter>;
export type ParamName = keyof typeof PARAMS;

/** A check of exactly these query parameters, each at most once. Call it while routes are set up, not for each request. */
export function queryReader<K extends QueryName>(
  ...names: K[]
): (request: FastifyRequest) => Partial<Record<K, string>> {
  const shape = record({}, Object.fromEntries(names.map((name) => [name, QUERY[name].shape])));
  return (request) => checked(shape, { ...(request.query as object) }) as Partial<Record<K, string>>;
}

export function pathParam(request: FastifyRequest, name: ParamName): string {
  const value = (request.params as Record<string, unknown>)[name];
  return checked(record({ [name]: PARAMS[name].shape }), { [name]: value })[name] as string;
}

/** The page that a request asks for, as ops take it. */
export function pageOf({
  limit,
  cursor,
}: {
  limit?: string;
  cursor?: string;
}): [limit: number | null, cursor: string | null] {
  return [limit === undefined ? null : Number(limit), cursor ?? null];
}

/** A time that has passed its check, in milliseconds. */
export function timeOf(value: string | undefined): number | null {
  return value === undefined ? null : Date.parse(value);
}

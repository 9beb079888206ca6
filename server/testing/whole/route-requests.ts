/**
 * How each route of the edge is asked in a way that succeeds for whoever may: about things that exist and, where asking
 * spends what it is about, as somebody or about something new.
 */
import { PASSWORD } from '../account-client.ts';
import { type CallInit, type Person, signedUp } from './http.ts';
import type { Node } from './site.ts';

export type Stage = {
  node: Node;
  /** Another user, about whom administrators act. */
  other: Person;
  /** Somebody new who holds this role. */
  somebodyNew(role: string): Promise<Person>;
};
/** Who asks: the role that their column is named after, null for who is not let in; `n` is of this request alone. */
export type Asking = { role: string | null; token: string | null; n: number };
/** The path with everything filled in, and who asks where that is not the one of the column. */
export type Filled = CallInit & { path: string };
type Ask = (stage: Stage, asking: Asking) => Filled | Promise<Filled>;

export const CLAIMED = { eventKey: 'claimed', requestId: 'mine' } as const;
const NEW_PASSWORD = 'battery staple';
/** Of NDJSON. */
const ROW: CallInit = { body: { userId: 'u1' }, headers: { 'content-type': 'application/x-ndjson' } };

function at(path: string, init: CallInit = {}): Ask {
  return () => ({ path, ...init });
}

/** As somebody new of the same role, so that who is used up is nobody of the table. */
function asSomebodyNew(fill: (person: Person) => Filled): Ask {
  return async ({ somebodyNew, other }, { role }) => {
    if (role === null) return fill(other);
    const person = await somebodyNew(role);
    return { token: person.signedIn.accessToken, ...fill(person) };
  };
}

export const REQUESTS: Readonly<Record<string, Ask>> = {
  'POST /v1/events/:eventKey/claims': at('/v1/events/open/claims'),
  'GET /v1/claims/by-request/:requestId': at(`/v1/claims/by-request/${CLAIMED.requestId}`),
  'GET /v1/me/claims': at('/v1/me/claims'),
  'GET /v1/claims': at('/v1/claims'),
  'GET /v1/events': at('/v1/events'),
  'POST /v1/events': (_, { n }) => ({ path: '/v1/events', body: { eventKey: `made-${n}` } }),
  'GET /v1/events/:eventKey': at('/v1/events/open'),
  'PATCH /v1/events/:eventKey': (_, { n }) => ({ path: '/v1/events/spare', body: { title: `Title ${n}` } }),
  'POST /v1/events/:eventKey/pause': at('/v1/events/spare/pause'),
  'POST /v1/events/:eventKey/resume': at('/v1/events/spare/resume'),
  'POST /v1/events/:eventKey/mode': at('/v1/events/spare/mode', { body: { mode: 'direct' } }),
  'PUT /v1/events/:eventKey/qualifications': at('/v1/events/spare/qualifications', ROW),
  'DELETE /v1/events/:eventKey/qualifications': at('/v1/events/spare/qualifications', ROW),
  'GET /v1/events/:eventKey/qualifications/:userId': at('/v1/events/spare/qualifications/u1'),
  'POST /v1/auth/register': (_, { n }) => ({
    path: '/v1/auth/register',
    body: { username: `new${n}`, password: PASSWORD },
  }),
  'POST /v1/auth/login': ({ other: { username, deviceId } }) => ({
    path: '/v1/auth/login',
    body: { username, password: PASSWORD, deviceId },
  }),
  // The same token again on its own device: whoever asks gets the same successor.
  'POST /v1/auth/refresh': ({ other: { signedIn, deviceId } }) => ({
    path: '/v1/auth/refresh',
    body: { refreshToken: signedIn.refreshToken, deviceId },
  }),
  'POST /v1/auth/logout': asSomebodyNew(() => ({ path: '/v1/auth/logout' })),
  'POST /v1/auth/password': asSomebodyNew(() => ({
    path: '/v1/auth/password',
    body: { currentPassword: PASSWORD, newPassword: NEW_PASSWORD },
  })),
  'GET /v1/me': at('/v1/me'),
  'DELETE /v1/me': asSomebodyNew(() => ({ path: '/v1/me', body: { password: PASSWORD } })),
  'GET /v1/me/sessions': at('/v1/me/sessions'),
  'DELETE /v1/me/sessions/:sessionId': asSomebodyNew(({ signedIn: { session } }) => ({
    path: `/v1/me/sessions/${session.id}`,
  })),
  'GET /v1/users': at('/v1/users'),
  'PUT /v1/users/:userId/roles': ({ other: { id } }) => ({ path: `/v1/users/${id}/roles`, body: { roles: ['USER'] } }),
  'POST /v1/users/:userId/logout': async ({ node, other }, { role, n }) => {
    const { id } = role === 'ADMIN' ? await signedUp(node.call, `leaver${n}`) : other;
    return { path: `/v1/users/${id}/logout` };
  },
  'DELETE /v1/users/:userId': async ({ node, other }, { role, n }) => {
    const { id } = role === 'ADMIN' ? await signedUp(node.call, `erased${n}`) : other;
    return { path: `/v1/users/${id}` };
  },
  'GET /v1/roles': at('/v1/roles'),
  'POST /v1/roles': (_, { n }) => ({ path: '/v1/roles', body: { name: `ROLE_${n}` } }),
  'PATCH /v1/roles/:roleName': (_, { n }) => ({ path: '/v1/roles/SPARE', body: { title: `Title ${n}` } }),
  'DELETE /v1/roles/:roleName': async ({ node }, { role, n }) => {
    const name = role === 'ADMIN' ? `GONE_${n}` : 'SPARE';
    if (role === 'ADMIN') await node.server.done('ROLE_CREATE', null, { name });
    return { path: `/v1/roles/${name}` };
  },
  'GET /v1/audit': at('/v1/audit'),
  'GET /v1/stores': at('/v1/stores'),
  // Without an upgrade; who is let in by the channel itself is another table.
  'GET /v1/live': at('/v1/live'),
  'GET /healthz': at('/healthz'),
  'GET /readyz': at('/readyz'),
  'GET /metrics': at('/metrics'),
  'GET /.well-known/jwks.json': at('/.well-known/jwks.json'),
  'GET /openapi.json': at('/openapi.json'),
};

/**
 * Signing up, in and out. Who signs up or in has no access token yet, so the server is told where they come from; and
 * its word that it is busy, or that somebody tries too often, is passed on at once, where other requests would wait and
 * ask again. Invariant: passwords and tokens are in bodies, never in an address or a log.
 */
import type { FastifyReply, FastifyRequest } from 'fastify';
import {
  deviceIdShape,
  newPasswordShape,
  passwordShape,
  refreshTokenShape,
  usernameShape,
} from '../../protocol/accounts.ts';
import { boolean, record } from '../../protocol/shape.ts';
import { askFilled, noBody, pickedBody } from '../body.ts';
import { userAgentOf } from '../caller.ts';
import { ask, type Context } from '../context.ts';
import { checked } from '../refusal.ts';
import { type Answer, actorOf, type Route, sendJson, sendNothing } from '../route.ts';

const loginBody = record(
  { username: usernameShape, password: passwordShape, deviceId: deviceIdShape },
  { replaceSession: boolean },
);
const refreshBody = record({ refreshToken: refreshTokenShape, deviceId: deviceIdShape });
const ONCE = { retry: 'never' } as const;

/** Fields that are not asked for, a role for instance, are as if they were not there. */
async function register(context: Context, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
  const { username, password } = pickedBody({ username: usernameShape, password: newPasswordShape }, request);
  const from = [request.from, userAgentOf(request)] as const;
  const user = await ask(context, 'REGISTER', [null, username, password, ...from], ONCE);
  return sendJson(reply, 201, { user });
}

async function login(context: Context, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
  const { username, password, deviceId, replaceSession = null } = checked(loginBody, request.body);
  const from = [request.from, userAgentOf(request)] as const;
  const args = [null, username, password, deviceId, replaceSession, ...from] as const;
  return sendJson(reply, 200, await ask(context, 'LOGIN', [...args], ONCE));
}

async function refresh(context: Context, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
  const { refreshToken, deviceId } = checked(refreshBody, request.body);
  const from = [request.from, userAgentOf(request)] as const;
  return sendJson(reply, 200, await ask(context, 'REFRESH', [null, refreshToken, deviceId, ...from]));
}

async function logout(context: Context, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
  noBody(request);
  await ask(context, 'LOGOUT', [actorOf(request)]);
  return sendNothing(reply);
}

async function changePassword(context: Context, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
  const fields = { currentPassword: passwordShape, newPassword: newPasswordShape };
  await askFilled(context, 'PASSWORD_CHANGE', { fields, body: request.body }, (filled) => [
    actorOf(request),
    filled.currentPassword,
    filled.newPassword,
  ]);
  return sendNothing(reply);
}

const signedIn: Answer = { status: 200, sentence: 'An access token and the session.', schema: 'SignedIn' };

export const authRoutes: readonly Route[] = [
  {
    method: 'POST',
    path: '/v1/auth/register',
    access: 'stranger',
    name: 'register',
    summary: 'Make an account, as a USER.',
    body: 'Registration',
    answers: [{ status: 201, sentence: 'The user.', schema: 'UserAnswer' }],
    problems: ['USERNAME_TAKEN', 'RATE_LIMITED'],
    handle: register,
  },
  {
    method: 'POST',
    path: '/v1/auth/login',
    access: 'stranger',
    name: 'login',
    summary:
      'Sign in on a device. While its session lives no second refresh token is issued, unless replaceSession is true.',
    body: 'Login',
    answers: [signedIn],
    problems: ['BAD_CREDENTIALS', 'RATE_LIMITED'],
    handle: login,
  },
  {
    method: 'POST',
    path: '/v1/auth/refresh',
    access: 'stranger',
    name: 'refresh',
    summary:
      'The next access and refresh token of a session. A reply that was lost can be asked for again for 30 seconds.',
    body: 'Refresh',
    answers: [signedIn],
    problems: ['SESSION_ENDED', 'UNAUTHENTICATED', 'RATE_LIMITED'],
    handle: refresh,
  },
  {
    method: 'POST',
    path: '/v1/auth/logout',
    access: 'user',
    name: 'logout',
    summary: 'End the session of this access token.',
    body: 'Nothing',
    answers: [{ status: 204, sentence: 'It has ended.', schema: null }],
    problems: [],
    handle: logout,
  },
  {
    method: 'POST',
    path: '/v1/auth/password',
    access: 'user',
    name: 'changePassword',
    summary: 'Change one’s password, which ends one’s other sessions.',
    body: 'PasswordChange',
    answers: [{ status: 204, sentence: 'It is changed.', schema: null }],
    problems: ['BAD_CREDENTIALS', 'RATE_LIMITED'],
    handle: changePassword,
  },
];

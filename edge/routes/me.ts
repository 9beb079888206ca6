/** What a user may see of themselves and undo: the account, and the sessions on devices. */
import type { FastifyReply, FastifyRequest } from 'fastify';
import { passwordShape } from '../../protocol/accounts.ts';
import { askFilled } from '../body.ts';
import { ask, type Context } from '../context.ts';
import { pathParam } from '../query.ts';
import { actorOf, type Route, sendJson, sendNothing } from '../route.ts';

async function show(context: Context, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
  return sendJson(reply, 200, await ask(context, 'ME', [actorOf(request)]));
}

async function erase(context: Context, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
  const form = { fields: { password: passwordShape }, body: request.body };
  await askFilled(context, 'ERASE_SELF', form, ({ password }) => [actorOf(request), password]);
  return sendNothing(reply);
}

async function listSessions(context: Context, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
  const [items, nextCursor] = await ask(context, 'SESSIONS_OF_USER', [actorOf(request)]);
  return sendJson(reply, 200, { items, nextCursor });
}

async function endSession(context: Context, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
  await ask(context, 'SESSION_END', [actorOf(request), pathParam(request, 'sessionId')]);
  return sendNothing(reply);
}

export const meRoutes: readonly Route[] = [
  {
    method: 'GET',
    path: '/v1/me',
    access: 'user',
    name: 'me',
    summary: 'The caller’s account.',
    answers: [{ status: 200, sentence: 'The user.', schema: 'User' }],
    problems: ['USER_NOT_FOUND'],
    handle: show,
  },
  {
    method: 'DELETE',
    path: '/v1/me',
    access: 'user',
    name: 'eraseMe',
    summary: 'Erase one’s account: what is personal goes, what was claimed stays.',
    body: 'Password',
    answers: [{ status: 204, sentence: 'It is erased.', schema: null }],
    problems: ['BAD_CREDENTIALS', 'RATE_LIMITED', 'LAST_ADMIN', 'USER_NOT_FOUND'],
    handle: erase,
  },
  {
    method: 'GET',
    path: '/v1/me/sessions',
    access: 'user',
    name: 'sessionsOfMine',
    summary: 'One’s own live sessions, the one used last first.',
    answers: [{ status: 200, sentence: 'Every session.', schema: 'SessionPage' }],
    problems: [],
    handle: listSessions,
  },
  {
    method: 'DELETE',
    path: '/v1/me/sessions/:sessionId',
    access: 'user',
    name: 'endSession',
    summary: 'End one of one’s own sessions, everywhere within two seconds.',
    answers: [{ status: 204, sentence: 'It has ended.', schema: null }],
    problems: ['SESSION_NOT_FOUND'],
    handle: endSession,
  },
];

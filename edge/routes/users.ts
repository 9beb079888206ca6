/** Users as administrators see and change them. */
import type { FastifyReply, FastifyRequest } from 'fastify';
import { type RoleMatch, roleNamesShape } from '../../protocol/accounts.ts';
import { askFilled, noBody } from '../body.ts';
import { ask, type Context } from '../context.ts';
import { pageOf, pathParam, queryReader } from '../query.ts';
import { type Answer, actorOf, type Route, sendJson, sendNothing } from '../route.ts';

const listQuery = queryReader('roles', 'match', 'username', 'limit', 'cursor');

async function list(context: Context, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
  const { roles, match = null, username = null, ...page } = listQuery(request);
  const filter = [roles?.split(',') ?? null, match as RoleMatch | null, username] as const;
  const [items, nextCursor] = await ask(context, 'USERS_LIST', [actorOf(request), ...filter, ...pageOf(page)]);
  return sendJson(reply, 200, { items, nextCursor });
}

async function setRoles(context: Context, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
  const userId = pathParam(request, 'userId');
  const form = { fields: { roles: roleNamesShape }, body: request.body };
  const user = await askFilled(context, 'USER_ROLES_SET', form, ({ roles }) => [actorOf(request), userId, roles]);
  return sendJson(reply, 200, user);
}

async function logout(context: Context, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
  const userId = pathParam(request, 'userId');
  noBody(request);
  await ask(context, 'USER_LOGOUT', [actorOf(request), userId]);
  return sendNothing(reply);
}

async function erase(context: Context, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
  await ask(context, 'USER_ERASE', [actorOf(request), pathParam(request, 'userId')]);
  return sendNothing(reply);
}

const theUser: Answer = { status: 200, sentence: 'The user.', schema: 'User' };

export const userRoutes: readonly Route[] = [
  {
    method: 'GET',
    path: '/v1/users',
    access: 'user',
    name: 'users',
    summary: 'Users, for administrators and auditors.',
    query: ['roles', 'match', 'username', 'limit', 'cursor'],
    answers: [{ status: 200, sentence: 'A page of users.', schema: 'UserPage' }],
    problems: [],
    handle: list,
  },
  {
    method: 'PUT',
    path: '/v1/users/:userId/roles',
    access: 'user',
    name: 'setRoles',
    summary: 'Give a user exactly these roles, as an administrator; it holds for live tokens within two seconds.',
    body: 'RoleNames',
    answers: [theUser],
    problems: ['USER_NOT_FOUND', 'LAST_ADMIN', 'ROLE_NOT_FOUND'],
    handle: setRoles,
  },
  {
    method: 'POST',
    path: '/v1/users/:userId/logout',
    access: 'user',
    name: 'logoutUser',
    summary: 'End every session of a user, as an administrator, everywhere within two seconds.',
    body: 'Nothing',
    answers: [{ status: 204, sentence: 'They have ended.', schema: null }],
    problems: ['USER_NOT_FOUND'],
    handle: logout,
  },
  {
    method: 'DELETE',
    path: '/v1/users/:userId',
    access: 'user',
    name: 'eraseUser',
    summary: 'Erase an account, as an administrator: what is personal goes, what was claimed stays.',
    answers: [{ status: 204, sentence: 'It is erased.', schema: null }],
    problems: ['USER_NOT_FOUND', 'LAST_ADMIN'],
    handle: erase,
  },
];

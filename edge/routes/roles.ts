/** Roles and what they permit. Bodies go to the server as they came, as those of events do. */
import type { FastifyReply, FastifyRequest } from 'fastify';
import { sendable } from '../../protocol/sendable.ts';
import { ask, type Context } from '../context.ts';
import { pathParam } from '../query.ts';
import { actorOf, type Route, sendJson, sendNothing } from '../route.ts';

async function list(context: Context, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
  const [items, nextCursor] = await ask(context, 'ROLES_LIST', [actorOf(request)]);
  return sendJson(reply, 200, { items, nextCursor });
}

async function create(context: Context, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
  return sendJson(reply, 201, await ask(context, 'ROLE_CREATE', [actorOf(request), sendable(request.body)]));
}

async function change(context: Context, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
  const args = [actorOf(request), pathParam(request, 'roleName'), sendable(request.body)] as const;
  return sendJson(reply, 200, await ask(context, 'ROLE_CHANGE', [...args]));
}

async function remove(context: Context, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
  await ask(context, 'ROLE_DELETE', [actorOf(request), pathParam(request, 'roleName')]);
  return sendNothing(reply);
}

export const roleRoutes: readonly Route[] = [
  {
    method: 'GET',
    path: '/v1/roles',
    access: 'user',
    name: 'roles',
    summary: 'Every role, built-in ones included, and what it permits.',
    answers: [{ status: 200, sentence: 'Every role.', schema: 'RolePage' }],
    problems: [],
    handle: list,
  },
  {
    method: 'POST',
    path: '/v1/roles',
    access: 'user',
    name: 'createRole',
    summary: 'Make a role, as an administrator.',
    body: 'RoleInput',
    answers: [{ status: 201, sentence: 'The role.', schema: 'Role' }],
    problems: ['ROLE_EXISTS', 'ROLE_BUILT_IN'],
    handle: create,
  },
  {
    method: 'PATCH',
    path: '/v1/roles/:roleName',
    access: 'user',
    name: 'changeRole',
    summary: 'Change what a role is called or permits, as an administrator.',
    body: 'RolePatch',
    answers: [{ status: 200, sentence: 'The role.', schema: 'Role' }],
    problems: ['ROLE_NOT_FOUND', 'ROLE_BUILT_IN'],
    handle: change,
  },
  {
    method: 'DELETE',
    path: '/v1/roles/:roleName',
    access: 'user',
    name: 'deleteRole',
    summary: 'Remove a role that nobody holds, as an administrator.',
    answers: [{ status: 204, sentence: 'It is removed.', schema: null }],
    problems: ['ROLE_NOT_FOUND', 'ROLE_BUILT_IN', 'ROLE_IN_USE'],
    handle: remove,
  },
];

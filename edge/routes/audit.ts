/** Who did what to whom, when and from where: for administrators and auditors, who alone may ask. */
import type { FastifyReply, FastifyRequest } from 'fastify';
import { ask, type Context } from '../context.ts';
import { pageOf, queryReader, timeOf } from '../query.ts';
import { actorOf, type Route, sendJson } from '../route.ts';

const query = queryReader('actor', 'action', 'subject', 'from', 'to', 'limit', 'cursor');

async function list(context: Context, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
  const { actor = null, action = null, subject = null, from, to, ...page } = query(request);
  const filter = [actor, action, subject, timeOf(from), timeOf(to)] as const;
  const [items, nextCursor] = await ask(context, 'AUDIT_LIST', [actorOf(request), ...filter, ...pageOf(page)]);
  return sendJson(reply, 200, { items, nextCursor });
}

export const auditRoute: Route = {
  method: 'GET',
  path: '/v1/audit',
  access: 'user',
  name: 'audit',
  summary: 'What was done, newest first, for administrators and auditors.',
  query: ['actor', 'action', 'subject', 'from', 'to', 'limit', 'cursor'],
  answers: [{ status: 200, sentence: 'A page of entries.', schema: 'AuditPage' }],
  problems: [],
  handle: list,
};

/** The stores and their collections with their figures, for operators and auditors. */
import type { FastifyReply, FastifyRequest } from 'fastify';
import { decodeStore } from '../../protocol/upkeep.ts';
import { ask, type Context } from '../context.ts';
import { actorOf, type Route, sendJson } from '../route.ts';

async function list(context: Context, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
  const [stores] = await ask(context, 'STORES', [actorOf(request)]);
  return sendJson(reply, 200, { items: stores.map(decodeStore) });
}

export const storesRoute: Route = {
  method: 'GET',
  path: '/v1/stores',
  access: 'user',
  name: 'stores',
  summary: 'Every store with its collections of claims and its journal, for operators and auditors.',
  answers: [{ status: 200, sentence: 'All of them.', schema: 'StoreList' }],
  problems: [],
  handle: list,
};

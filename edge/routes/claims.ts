/** Claims as their users and as operators read them. Who may see whose claims is the server's decision. */
import type { FastifyReply, FastifyRequest } from 'fastify';
import { claimJson, isoOrNull } from '../../clients/json.ts';
import { decodeClaim } from '../../protocol/claim.ts';
import type { ClaimTuple } from '../../protocol/reply.ts';
import { preferred } from '../accept.ts';
import { ask, type Context } from '../context.ts';
import { pageOf, pathParam, queryReader, timeOf } from '../query.ts';
import { actorOf, type Route, sendJson } from '../route.ts';
import { sendClaimsCsv } from './claims-csv.ts';

const byRequestQuery = queryReader('userId');
const ownQuery = queryReader('eventKey', 'limit', 'cursor');
const listQuery = queryReader('eventKey', 'userId', 'from', 'to', 'limit', 'cursor');

async function showByRequest(context: Context, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
  const { userId = null } = byRequestQuery(request);
  const requestId = pathParam(request, 'requestId');
  const claim = await ask(context, 'CLAIM_BY_REQUEST', [actorOf(request), userId, requestId]);
  return sendJson(reply, 200, { claim: claimJson(decodeClaim(claim)) });
}

function pageJson(claims: readonly ClaimTuple[], nextCursor: string | null, incomplete: readonly string[] | null) {
  const items = claims.map((claim) => claimJson(decodeClaim(claim)));
  return { items, nextCursor, ...(incomplete === null ? {} : { incomplete }) };
}

async function listOwn(context: Context, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
  const { eventKey = null, ...page } = ownQuery(request);
  const [claims, nextCursor, incomplete] = await ask(context, 'CLAIMS_OF_USER', [
    actorOf(request),
    null,
    eventKey,
    ...pageOf(page),
  ]);
  return sendJson(reply, 200, pageJson(claims, nextCursor, incomplete));
}

async function listAll(context: Context, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
  const { eventKey = null, userId = null, from, to, ...page } = listQuery(request);
  const filter = { actor: actorOf(request), eventKey, userId, fromMs: timeOf(from), toMs: timeOf(to) };
  const [limit, cursor] = pageOf(page);
  const type = preferred(request.headers.accept, ['application/json', 'text/csv']);
  if (type === 'text/csv') return sendClaimsCsv(context, reply, { filter, cursor });
  const args = [filter.actor, eventKey, userId, filter.fromMs, filter.toMs, limit, cursor] as const;
  const [claims, nextCursor, incomplete, asOf] = await ask(context, 'CLAIMS_LIST', [...args]);
  return sendJson(reply, 200, { ...pageJson(claims, nextCursor, incomplete), asOf: isoOrNull(asOf) });
}

export const claimRoutes: readonly Route[] = [
  {
    method: 'GET',
    path: '/v1/claims/by-request/:requestId',
    access: 'user',
    name: 'claimByRequest',
    summary: 'The claim of a request id: one’s own, or that of userId for operators and auditors.',
    query: ['userId'],
    answers: [{ status: 200, sentence: 'The claim.', schema: 'ClaimAnswer' }],
    problems: ['CLAIM_NOT_FOUND'],
    handle: showByRequest,
  },
  {
    method: 'GET',
    path: '/v1/me/claims',
    access: 'user',
    name: 'claimsOfMine',
    summary: 'One’s own claims, newest first.',
    query: ['eventKey', 'limit', 'cursor'],
    answers: [{ status: 200, sentence: 'A page of claims.', schema: 'ClaimPage' }],
    problems: [],
    handle: listOwn,
  },
  {
    method: 'GET',
    path: '/v1/claims',
    access: 'user',
    name: 'claims',
    summary: 'Claims of everybody, for operators and auditors. As CSV the answer is every claim from the cursor on.',
    query: ['eventKey', 'userId', 'from', 'to', 'limit', 'cursor'],
    answers: [{ status: 200, sentence: 'A page of claims.', schema: 'ClaimList', headers: ['Claims-As-Of'] }],
    produces: ['application/json', 'text/csv'],
    problems: ['NOT_ACCEPTABLE'],
    handle: listAll,
  },
];

/** One claim over HTTP: the route that carries the load. What a claim is to the server stands in `claim-outcome.ts`. */
import type { FastifyReply, FastifyRequest } from 'fastify';
import { eventKeyShape, requestIdShape } from '../../protocol/key.ts';
import { isSuccess } from '../../protocol/reply.ts';
import { type Fault, faultsOf, record } from '../../protocol/shape.ts';
import { type ClaimAsked, claimOutcome, claimReply } from '../claim-outcome.ts';
import type { Context } from '../context.ts';
import { badRequest, sendProblem } from '../refusal.ts';
import { actorOf, type Route, sendJson } from '../route.ts';

const KEY_HEADER = 'idempotency-key';
const emptyBody = record({});

/**
 * Every answer names its request id, refusals too, so that the caller can ask again with the same one. What is no request
 * id is not repeated; headers that came twice arrive joined by a comma and a space, which is none.
 */
function nameRequest({ requestIds }: Context, request: FastifyRequest, reply: FastifyReply): void {
  const given = request.headers[KEY_HEADER];
  if (given === undefined) reply.header(KEY_HEADER, requestIds.next());
  else if (faultsOf(requestIdShape, given).length === 0) reply.header(KEY_HEADER, given);
}

function askedOf(request: FastifyRequest, reply: FastifyReply): ClaimAsked {
  const faults: Fault[] = [];
  const { eventKey } = request.params as { eventKey: string };
  const requestId = reply.getHeader(KEY_HEADER);
  eventKeyShape.check(eventKey, 'eventKey', faults);
  if (typeof requestId !== 'string') faults.push({ field: 'Idempotency-Key', rule: '1…128 visible ASCII characters' });
  if (request.body !== undefined) emptyBody.check(request.body, '', faults);
  if (faults.length > 0) throw badRequest(...faults);
  return { eventKey, requestId: requestId as string };
}

async function handleClaim(context: Context, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
  const answer = await claimReply(context, actorOf(request), askedOf(request, reply));
  if (!isSuccess(answer)) return sendProblem(reply, answer);
  if (answer.code === 'REPLAYED') reply.header('idempotent-replayed', 'true');
  request.outcome = answer.code;
  const { status, body } = claimOutcome(answer);
  return sendJson(reply, status, body);
}

export const claimRoute: Route = {
  method: 'POST',
  path: '/v1/events/:eventKey/claims',
  access: 'user',
  name: 'claim',
  summary: 'Claim the reward of an event. The same Idempotency-Key always gets the same claim back.',
  requestHeaders: ['Idempotency-Key'],
  body: 'Nothing',
  answers: [
    { status: 201, sentence: 'Granted.', schema: 'Outcome', headers: ['Idempotency-Key'] },
    {
      status: 200,
      sentence: 'Granted before, under this request id.',
      schema: 'Outcome',
      headers: ['Idempotency-Key', 'Idempotent-Replayed'],
    },
  ],
  problems: [
    'ALREADY_CLAIMED',
    'IN_PROGRESS',
    'KEY_REUSED',
    'EVENT_NOT_FOUND',
    'NOT_STARTED',
    'ENDED',
    'PAUSED',
    'NOT_ELIGIBLE',
    'SOLD_OUT',
    'RATE_LIMITED',
    'GUARD_MISSING',
    'MOVED',
  ],
  prepare: nameRequest,
  handle: handleClaim,
};

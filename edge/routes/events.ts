/**
 * Events: shown to anybody signed in, written by operators. Bodies go to the server as they came: it first asks who may
 * write, then which fields are fixed, and only then names everything that is wrong with them. There is no 304: the answer
 * also carries the server's time and when the caller can claim next, which change while the version does not.
 */
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { EventView } from '../../protocol/event.ts';
import { modeShape } from '../../protocol/mode.ts';
import { sendable } from '../../protocol/sendable.ts';
import { askFilled, noBody } from '../body.ts';
import { ask, type Context } from '../context.ts';
import { etagOf, versionOf } from '../etag.ts';
import { pageOf, pathParam, queryReader } from '../query.ts';
import { type Answer, actorOf, type Route, sendJson } from '../route.ts';

const listQuery = queryReader('limit', 'cursor');

function sendEvent(reply: FastifyReply, status: 200 | 201, event: EventView): FastifyReply {
  return sendJson(reply.header('etag', etagOf(event)), status, event);
}

async function list(context: Context, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
  const [items, nextCursor] = await ask(context, 'EVENT_LIST', [actorOf(request), ...pageOf(listQuery(request))]);
  return sendJson(reply, 200, { items, nextCursor });
}

async function show(context: Context, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
  return sendEvent(reply, 200, await ask(context, 'EVENT_GET', [actorOf(request), pathParam(request, 'eventKey')]));
}

async function create(context: Context, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
  const event = await ask(context, 'EVENT_CREATE', [actorOf(request), sendable(request.body)]);
  reply.header('location', `/v1/events/${encodeURIComponent(event.eventKey)}`);
  return sendEvent(reply, 201, event);
}

async function change(context: Context, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
  const eventKey = pathParam(request, 'eventKey');
  const version = versionOf(request.headers['if-match']);
  const patch = sendable(request.body);
  return sendEvent(reply, 200, await ask(context, 'EVENT_CHANGE', [actorOf(request), eventKey, patch, version]));
}

/** Pause and resume take no body, or an empty object. */
function switchWith(op: 'EVENT_PAUSE' | 'EVENT_RESUME'): Route['handle'] {
  return async (context, request, reply) => {
    const eventKey = pathParam(request, 'eventKey');
    noBody(request);
    return sendEvent(reply, 200, await ask(context, op, [actorOf(request), eventKey]));
  };
}

async function setMode(context: Context, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
  const eventKey = pathParam(request, 'eventKey');
  const form = { fields: { mode: modeShape }, body: request.body };
  const deadlineMs = context.client.isReady ? context.limits.modeMs : context.limits.reconnectMs;
  const event = await askFilled(context, 'EVENT_MODE', form, ({ mode }) => [actorOf(request), eventKey, mode], {
    deadlineMs,
  });
  return sendEvent(reply, 200, event);
}

const theEvent: Answer = { status: 200, sentence: 'The event.', schema: 'Event', headers: ['ETag'] };

export const eventRoutes: readonly Route[] = [
  {
    method: 'GET',
    path: '/v1/events',
    access: 'user',
    name: 'events',
    summary: 'Events.',
    query: ['limit', 'cursor'],
    answers: [{ status: 200, sentence: 'A page of events.', schema: 'EventPage' }],
    problems: [],
    handle: list,
  },
  {
    method: 'POST',
    path: '/v1/events',
    access: 'user',
    name: 'createEvent',
    summary: 'Create an event, as an operator.',
    body: 'EventInput',
    answers: [{ status: 201, sentence: 'The event.', schema: 'Event', headers: ['ETag', 'Location'] }],
    problems: ['EVENT_EXISTS'],
    handle: create,
  },
  {
    method: 'GET',
    path: '/v1/events/:eventKey',
    access: 'user',
    name: 'event',
    summary: 'One event, the server’s time, and when the caller can claim next.',
    answers: [theEvent],
    problems: ['EVENT_NOT_FOUND'],
    handle: show,
  },
  {
    method: 'PATCH',
    path: '/v1/events/:eventKey',
    access: 'user',
    name: 'changeEvent',
    summary: 'Change fields of an event, as an operator; with If-Match only when nobody else did meanwhile.',
    requestHeaders: ['If-Match'],
    body: 'EventPatch',
    answers: [theEvent],
    problems: ['EVENT_NOT_FOUND', 'EVENT_FIELD_FIXED', 'VERSION_MISMATCH', 'STOCK_BELOW_GRANTED', 'MOVED'],
    handle: change,
  },
  {
    method: 'POST',
    path: '/v1/events/:eventKey/pause',
    access: 'user',
    name: 'pauseEvent',
    summary: 'Stop granting, everywhere within a second.',
    body: 'Nothing',
    answers: [theEvent],
    problems: ['EVENT_NOT_FOUND'],
    handle: switchWith('EVENT_PAUSE'),
  },
  {
    method: 'POST',
    path: '/v1/events/:eventKey/resume',
    access: 'user',
    name: 'resumeEvent',
    summary: 'Grant again.',
    body: 'Nothing',
    answers: [theEvent],
    problems: ['EVENT_NOT_FOUND'],
    handle: switchWith('EVENT_RESUME'),
  },
  {
    method: 'POST',
    path: '/v1/events/:eventKey/mode',
    access: 'user',
    name: 'setEventMode',
    summary: 'How claims of the event become durable from now on; answered when that holds everywhere.',
    body: 'ModeInput',
    answers: [theEvent],
    problems: ['EVENT_NOT_FOUND', 'MOVED'],
    handle: setMode,
  },
];

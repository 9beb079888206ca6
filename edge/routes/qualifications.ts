/**
 * The users who may claim a listed event: files of up to a million of them, put onto the list or taken off it while they
 * are being read, and questions about one. Whether the caller may, and whether there is such an event, is asked before the
 * body is read. What was carried out stays so whatever happens afterwards; the same file again is harmless.
 */
import type { FastifyReply, FastifyRequest } from 'fastify';
import { type UploadKind, uploadJson } from '../../clients/upload/json.ts';
import { HeaderMissing, type RowFormat } from '../../clients/upload/rows.ts';
import { type Carried, Upload } from '../../clients/upload/upload.ts';
import { isSuccess, type Problem } from '../../protocol/reply.ts';
import type { Result } from '../../protocol/results.ts';
import { mayAsk } from '../body.ts';
import { ask, type Context } from '../context.ts';
import { pathParam } from '../query.ts';
import { Refusal } from '../refusal.ts';
import { actorOf, type Route, sendJson } from '../route.ts';
import type { ActorTuple } from '../tokens.ts';
import type { UploadEnd } from '../uploads.ts';

const FORMATS: Readonly<Record<string, RowFormat>> = { 'application/x-ndjson': 'ndjson', 'text/csv': 'csv' };
const OPS = { add: 'QUALIFY', remove: 'DISQUALIFY' } as const;
const DRAIN_RETRY_MS = 1_000;

type Target = { kind: UploadKind; actor: ActorTuple; eventKey: string };

function upload(kind: UploadKind): Route['handle'] {
  return async (context, request, reply) => {
    const target: Target = { kind, actor: actorOf(request), eventKey: pathParam(request, 'eventKey') };
    await mayUpload(context, target);
    return takeIn(context, target, request, reply);
  };
}

async function mayUpload(context: Context, { kind, actor, eventKey }: Target): Promise<void> {
  await mayAsk(context, OPS[kind], (blank) => [actor, eventKey, blank as string[]]);
  await ask(context, 'EVENT_GET', [actor, eventKey]);
}

async function takeIn(
  context: Context,
  target: Target,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const upload = new Upload({
    format: formatOf(request),
    send: (userIds) => carryOut(context, target, [...userIds]),
    usersMax: context.limits.uploadUsersMax,
  });
  let end: UploadEnd | 'NO_HEADER';
  try {
    end = await context.uploads.read(request.raw, {
      take: (piece) => upload.push(piece),
      mayGoOn: () => !upload.isOver && !context.isDraining,
    });
    // What came before the user too many is carried out.
    if (end === 'END' || upload.isTooLong) await upload.end();
  } catch (error) {
    if (!(error instanceof HeaderMissing)) throw error;
    end = 'NO_HEADER';
  }
  await upload.settle();
  const json = uploadJson(target.kind, upload.tally);
  const problem = problemOf(upload, end, context);
  if (problem !== null) throw new Refusal(problem, {}, json);
  return sendJson(reply, 200, json);
}

async function carryOut(context: Context, { kind, actor, eventKey }: Target, userIds: string[]): Promise<Carried> {
  const { uploadBatchMs: deadlineMs } = context.limits;
  const reply = await context.client.request(OPS[kind], [actor, eventKey, userIds], { deadlineMs });
  if (!isSuccess(reply)) return reply;
  const [, changed, unchanged] = reply.result as Result<'QUALIFY'>;
  return { code: 'OK', changed, unchanged };
}

/** A parameter such as a charset may follow the type; fastify has let in none but these. */
function formatOf({ headers }: FastifyRequest): RowFormat {
  const [type = ''] = (headers['content-type'] ?? '').split(';');
  return FORMATS[type.trim().toLowerCase()] ?? 'ndjson';
}

/** What stands in the way of saying that the whole file was taken in; the counts tell how much of it was. */
function problemOf(upload: Upload, end: UploadEnd | 'NO_HEADER', { limits }: Context): Problem | null {
  if (upload.problem !== null) return upload.problem;
  if (upload.isTooLong || end === 'TOO_LONG') {
    const detail = `At most ${limits.uploadUsersMax} user ids and ${limits.uploadBytesMax} bytes; the counts tell what was taken.`;
    return { code: 'PAYLOAD_TOO_LARGE', detail };
  }
  if (end === 'END') return null;
  if (end === 'STOPPED') return { code: 'DRAINING', retryAfterMs: DRAIN_RETRY_MS };
  const rules = { NO_HEADER: 'a first line userId', LATE: 'sent in time', GONE: 'a whole request' } as const;
  return { code: 'BAD_REQUEST', faults: [{ field: 'body', rule: rules[end] }] };
}

async function show(context: Context, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
  const userId = pathParam(request, 'userId');
  const qualified = await ask(context, 'QUALIFIED', [actorOf(request), pathParam(request, 'eventKey'), userId]);
  return sendJson(reply, 200, { userId, qualified });
}

const streams = Object.keys(FORMATS);

export const qualificationRoutes: readonly Route[] = [
  {
    method: 'PUT',
    path: '/v1/events/:eventKey/qualifications',
    access: 'user',
    name: 'qualify',
    summary: 'Put users onto the list of an event, as an operator; who is on it stays. Up to 1,000,000 of them.',
    streams,
    answers: [{ status: 200, sentence: 'What became of the rows.', schema: 'Qualified' }],
    problems: ['EVENT_NOT_FOUND'],
    handle: upload('add'),
  },
  {
    method: 'DELETE',
    path: '/v1/events/:eventKey/qualifications',
    access: 'user',
    name: 'disqualify',
    summary: 'Take users off the list of an event, as an operator; it holds everywhere within three seconds.',
    streams,
    answers: [{ status: 200, sentence: 'What became of the rows.', schema: 'Disqualified' }],
    problems: ['EVENT_NOT_FOUND'],
    handle: upload('remove'),
  },
  {
    method: 'GET',
    path: '/v1/events/:eventKey/qualifications/:userId',
    access: 'user',
    name: 'qualification',
    summary: 'Whether a user is on the list of an event.',
    answers: [{ status: 200, sentence: 'Whether the user is.', schema: 'Qualification' }],
    problems: ['EVENT_NOT_FOUND'],
    handle: show,
  },
];

/**
 * Every answer that is not a success leaves through here, as `application/problem+json` (RFC 9457): what the server
 * said no to, what the edge refuses itself, what fastify found wrong. Invariant: the status is the one of the code's
 * row in the error table, and nothing of a fault of our own is told to the caller.
 */
import { STATUS_CODES } from 'node:http';
import type { FastifyReply } from 'fastify';
import { type ProblemJson, problemJson } from '../clients/json.ts';
import type { Problem } from '../protocol/reply.ts';
import { type Fault, faultsOf, type Shape } from '../protocol/shape.ts';
import { sendText } from './send.ts';

/** Thrown to end a request with a problem. */
export class Refusal extends Error {
  readonly problem: Problem;
  readonly headers: Readonly<Record<string, string>>;
  /** What the body says beside the problem: how far it had come. */
  readonly members: object;

  constructor(problem: Problem, headers: Readonly<Record<string, string>> = {}, members: object = {}) {
    super(problem.code);
    this.name = 'Refusal';
    this.problem = problem;
    this.headers = headers;
    this.members = members;
  }
}

export function badRequest(...faults: Fault[]): Refusal {
  return new Refusal({ code: 'BAD_REQUEST', faults });
}

/** The value when it has the shape. Throws a Refusal that names everything that is wrong with it. */
export function checked<T>(shape: Shape<T>, value: unknown): T {
  const faults = faultsOf(shape, value);
  if (faults.length > 0) throw badRequest(...faults);
  return value as T;
}

/** What fastify says about a request, as the protocol says it; anything else is a fault of our own. */
const FASTIFY_PROBLEMS: ReadonlyMap<unknown, Problem> = new Map<string, Problem>([
  ['FST_ERR_CTP_INVALID_MEDIA_TYPE', { code: 'UNSUPPORTED_MEDIA_TYPE', detail: 'Bodies are application/json.' }],
  ['FST_ERR_CTP_BODY_TOO_LARGE', { code: 'PAYLOAD_TOO_LARGE' }],
  ['FST_ERR_CTP_INVALID_CONTENT_LENGTH', bodyFault('as long as content-length says')],
  ['FST_ERR_BAD_URL', { code: 'BAD_REQUEST', faults: [{ field: 'path', rule: 'percent-encoded UTF-8' }] }],
  ['FST_ERR_MAX_PARAM_LENGTH', { code: 'BAD_REQUEST', faults: [{ field: 'path', rule: 'shorter parameters' }] }],
]);

function bodyFault(rule: string): Problem {
  return { code: 'BAD_REQUEST', faults: [{ field: 'body', rule }] };
}

/** The problem of anything thrown while a request was handled. */
export function problemOf(error: unknown): Problem {
  if (error instanceof Refusal) return error.problem;
  if (!(error instanceof Error)) return { code: 'INTERNAL' };
  const { code, statusCode } = error as Error & { code?: unknown; statusCode?: unknown };
  const known = FASTIFY_PROBLEMS.get(code);
  if (known !== undefined) return known;
  const isCallersFault = typeof statusCode === 'number' && statusCode >= 400 && statusCode < 500;
  return isCallersFault ? bodyFault('a whole request') : { code: 'INTERNAL' };
}

const HEADERS = {
  'content-type': 'application/problem+json',
  'cache-control': 'no-store',
  'x-content-type-options': 'nosniff',
};

export function sendProblem(
  reply: FastifyReply,
  problem: Problem,
  headers: Readonly<Record<string, string>> = {},
  members: object = {},
) {
  const body = { ...members, ...problemJson(problem) };
  reply.headers(HEADERS).headers(carriedHeaders(body)).headers(headers);
  reply.request.outcome = problem.code;
  return sendText(reply.code(body.status), JSON.stringify(body));
}

const INVALID_TOKEN = 'Bearer error="invalid_token"';
const CHALLENGES: { readonly [code: string]: string } = {
  UNAUTHENTICATED: INVALID_TOKEN,
  SESSION_ENDED: INVALID_TOKEN,
};

function carriedHeaders(body: ProblemJson): Record<string, string> {
  const headers: Record<string, string> = {};
  if (body.retryAfterMs !== undefined)
    headers['retry-after'] = String(Math.max(1, Math.ceil(body.retryAfterMs / 1000)));
  // RFC 9110 demands the header of every 401. A wrong password is no matter of a token.
  if (body.status === 401) headers['www-authenticate'] = CHALLENGES[body.code] ?? 'Bearer';
  return headers;
}

/** The same answer as bytes, for a request that was never understood and so has no reply object. */
export function rawProblem(problem: Problem): string {
  const { status, ...body } = problemJson(problem);
  const text = JSON.stringify({ ...body, status });
  const headers = { ...HEADERS, connection: 'close', 'content-length': Buffer.byteLength(text) };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  return `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${lines.join('')}\r\n${text}`;
}

/**
 * What probes and collectors ask; open to anybody who reaches the port, and answered during a drain too. An edge is
 * ready when a claim server is and when it can check tokens. Both lose their server without losing their own answer.
 */
import type { FastifyReply, FastifyRequest } from 'fastify';
import { ERRORS } from '../../protocol/errors.ts';
import { ask, type Context } from '../context.ts';
import { problemOf } from '../refusal.ts';
import { type Route, sendJson } from '../route.ts';

type Check = { ok: boolean; detail: string | null };
type Checks = Record<string, Check>;

async function serverChecks(context: Context): Promise<Checks> {
  try {
    const [ready, checks] = await ask(context, 'STATUS', [null], { deadlineMs: context.limits.probeMs });
    return { ...checks, server: { ok: ready, detail: ready ? null : 'the server is not ready' } };
  } catch (error) {
    return { server: { ok: false, detail: ERRORS[problemOf(error).code].sentence } };
  }
}

async function readiness(context: Context, _request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
  const checks = await serverChecks(context);
  const hasKeys = context.keys.current !== null;
  checks.tokenKeys = { ok: hasKeys, detail: hasKeys ? null : 'no key to check tokens with' };
  checks.edge = { ok: !context.isDraining, detail: context.isDraining ? 'draining' : null };
  const ready = Object.values(checks).every(({ ok }) => ok);
  return sendJson(reply.header('cache-control', 'no-store'), ready ? 200 : 503, { ready, checks });
}

async function metrics(context: Context, _request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
  const theirs = await ask(context, 'METRICS', [null], { deadlineMs: context.limits.probeMs }).catch(() => null);
  const { contentType, body } = await context.metrics.text(theirs);
  return reply.header('content-type', contentType).send(body);
}

export const healthRoutes: readonly Route[] = [
  {
    method: 'GET',
    path: '/healthz',
    access: 'open',
    name: 'health',
    summary: 'The process lives.',
    answers: [{ status: 200, sentence: 'It does.', schema: 'Health' }],
    problems: [],
    handle: (_context, _request, reply) => sendJson(reply, 200, { ok: true }),
  },
  {
    method: 'GET',
    path: '/readyz',
    access: 'open',
    name: 'readiness',
    summary: 'The edge and its server can serve.',
    answers: [
      { status: 200, sentence: 'Ready.', schema: 'Readiness' },
      { status: 503, sentence: 'Not ready.', schema: 'Readiness' },
    ],
    problems: [],
    handle: readiness,
  },
  {
    method: 'GET',
    path: '/metrics',
    access: 'open',
    name: 'metrics',
    summary: 'Metrics of this edge and its server as Prometheus text.',
    answers: [{ status: 200, sentence: 'Metrics.', schema: 'Text' }],
    produces: ['text/plain'],
    problems: [],
    handle: metrics,
  },
];

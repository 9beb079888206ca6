/**
 * fastify with the edge's bounds, one error handler and the routes of the table. No route knows these settings and none
 * of them knows a route. Headers that say who a user is (`x-user-*`) are never read.
 */
import { isUtf8 } from 'node:buffer';
import { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { type FastifyInstance, type FastifyReply, type FastifyRequest, fastify } from 'fastify';
import type { Problem } from '../protocol/reply.ts';
import type { Context } from './context.ts';
import { UpgradableMessage } from './live/upgradable.ts';
import { badRequest, problemOf, Refusal, rawProblem, sendProblem } from './refusal.ts';
import type { Method, Route } from './route.ts';
import type { Identity } from './tokens.ts';

/** What node says of a request that has not arrived whole in time. */
const LATE = 'ERR_HTTP_REQUEST_TIMEOUT';

export type HttpOptions = { context: Context; routes: readonly Route[] };

export function createHttp({ context, routes }: HttpOptions): FastifyInstance {
  const { limits } = context;
  const app = fastify({
    logger: false,
    bodyLimit: limits.bodyBytesMax,
    requestTimeout: limits.requestMs,
    connectionTimeout: limits.silenceMs,
    keepAliveTimeout: limits.keepAliveMs,
    // A drain is answered by `begin`, as a problem document like every other refusal.
    return503OnClosing: false,
    exposeHeadRoutes: false,
    routerOptions: { maxParamLength: limits.paramLengthMax, caseSensitive: true, ignoreTrailingSlash: false },
    http: {
      IncomingMessage: UpgradableMessage,
      maxHeaderSize: limits.headerBytesMax,
      // Node's own answer to a request without a host has no body; `begin` refuses it instead.
      requireHostHeader: false,
      headersTimeout: limits.requestMs,
      connectionsCheckingInterval: limits.requestCheckMs,
    },
    frameworkErrors: (error, _request, reply) => void sendProblem(reply as unknown as FastifyReply, problemOf(error)),
    clientErrorHandler(error, socket) {
      // An upload may take longer than any other request.
      if (error.code === LATE && context.uploads.includes(socket)) return;
      refuseBytes(error, socket);
    },
  });
  app.server.maxConnections = limits.connectionsMax;
  app.decorateRequest('route', null);
  app.decorateRequest('identity', null);
  app.decorateRequest('from', null);
  app.decorateRequest('outcome', 'OK');
  parseJson(app);
  app.setErrorHandler((error, request, reply) => answerError(context, error, request, reply));
  app.setNotFoundHandler((request, reply) => {
    count(context, request, reply);
    return refuseAddress(routes, request, reply);
  });
  for (const route of routes) {
    if (route.streams === undefined) addRoute(app, context, route);
    else app.register(async (scope) => addStreamed(scope, context, route, route.streams ?? []));
  }
  return app;
}

function addRoute(app: FastifyInstance, context: Context, route: Route): void {
  app.route({
    method: route.method,
    url: route.path,
    // A HEAD of an export would read all of it.
    exposeHeadRoute: route.method === 'GET' && !route.produces?.includes('text/csv'),
    onRequest: (request, reply, done) => begin(context, route, { request, reply, done }),
    handler: (request, reply) => route.handle(context, request, reply),
  });
}

/** Bodies of these types are handed to the route unread. */
function addStreamed(scope: FastifyInstance, context: Context, route: Route, types: readonly string[]): void {
  const unsupported: Problem = { code: 'UNSUPPORTED_MEDIA_TYPE', detail: `Bodies are ${types.join(' or ')}, UTF-8.` };
  scope.removeAllContentTypeParsers();
  scope.addContentTypeParser([...types], ({ headers }, _body, done) => {
    const isPlain = (headers['content-encoding'] ?? 'identity') === 'identity';
    const [, charset = 'utf-8'] = /;\s*charset\s*=\s*"?([^\s";]+)/i.exec(headers['content-type'] ?? '') ?? [];
    done(isPlain && /^(utf-8|us-ascii)$/i.test(charset) ? null : new Refusal(unsupported));
  });
  scope.addContentTypeParser('*', (_request, _body, done) => done(new Refusal(unsupported)));
  addRoute(scope, context, {
    ...route,
    handle(inner, request, reply) {
      // Without a type there has been no parser.
      if (request.headers['content-type'] === undefined) throw new Refusal(unsupported);
      return route.handle(inner, request, reply);
    },
  });
}

type Beginning = { request: FastifyRequest; reply: FastifyReply; done: (error?: Error) => void };

/** Before the body is read: count, refuse in a drain, find out who asks. Bodies of strangers are not read at all. */
function begin(context: Context, route: Route, { request, reply, done }: Beginning): void {
  request.route = route;
  count(context, request, reply);
  reply.header('x-content-type-options', 'nosniff');
  route.prepare?.(context, request, reply);
  const { host } = request.headers;
  if (host === undefined && request.raw.httpVersion === '1.1') {
    return done(badRequest({ field: 'host', rule: 'one Host header' }));
  }
  if (route.access === 'open') return done();
  reply.header('cache-control', 'no-store');
  if (context.isDraining) return done(new Refusal({ code: 'DRAINING', retryAfterMs: 1_000 }, { connection: 'close' }));
  request.from = context.callers.addressOf(request.raw);
  if (route.access === 'stranger') return done();
  const { authorization } = request.headers;
  function known(identity: Identity): void {
    request.identity = identity;
    done(context.revocations.includes(identity) ? new Refusal({ code: 'SESSION_ENDED' }) : undefined);
  }
  const remembered = context.tokens.remembered(authorization);
  if (remembered !== undefined) return known(remembered);
  context.tokens.verified(authorization).then(known, done);
}

/** `close` comes once for every answer, also for one whose caller went away. */
function count(context: Context, request: FastifyRequest, { raw }: FastifyReply): void {
  const { metrics, runtime } = context;
  const startedAtMs = runtime.monotonicMs();
  metrics.begin();
  raw.once('close', () => {
    const code = raw.writableFinished ? request.outcome : 'ABORTED';
    const route = request.route?.path ?? 'none';
    const seconds = (runtime.monotonicMs() - startedAtMs) / 1000;
    metrics.end({ method: request.method, route, status: raw.statusCode, code, seconds });
    // A drain waits for connections to end, and a caller would keep this one for its next request.
    if (context.isDraining) request.raw.socket.end();
  });
}

/** Strict UTF-8, and no text at all reads as no body: many clients send a content type with every POST. */
function parseJson(app: FastifyInstance): void {
  const parse = app.getDefaultJsonParser('error', 'error');
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('application/json', { parseAs: 'buffer' }, (request, body, done) => {
    if (body.length === 0) return done(null, undefined);
    if (!isUtf8(body as Buffer)) return done(badRequest({ field: 'body', rule: 'UTF-8' }));
    parse(request, body.toString(), (error, value) => {
      done(error === null ? null : badRequest({ field: 'body', rule: 'JSON' }), value);
    });
  });
}

function answerError({ log }: Context, error: unknown, request: FastifyRequest, reply: FastifyReply) {
  const problem = problemOf(error);
  if (problem.code === 'INTERNAL') log.error({ err: error, route: request.route?.path }, 'request failed');
  if (error instanceof Refusal) return sendProblem(reply, problem, error.headers, error.members);
  return sendProblem(reply, problem);
}

/** An address of the table that takes other methods is 405; anything else is 404. */
function refuseAddress(routes: readonly Route[], request: FastifyRequest, reply: FastifyReply) {
  const path = request.url.split('?', 1)[0] ?? '';
  const methods = routes.filter((route) => patternOf(route).test(path)).flatMap(methodsOf);
  if (methods.length === 0) return sendProblem(reply, { code: 'NOT_FOUND' });
  return sendProblem(reply, { code: 'METHOD_NOT_ALLOWED' }, { allow: methods.join(', ') });
}

function patternOf({ path }: Route): RegExp {
  return new RegExp(`^${path.replaceAll('.', '\\.').replace(/:\w+/g, '[^/]+')}$`);
}

function methodsOf({ method, produces }: Route): (Method | 'HEAD')[] {
  return method === 'GET' && !produces?.includes('text/csv') ? ['GET', 'HEAD'] : [method];
}

/** Bytes that node could not read as a request. */
function refuseBytes(error: Error & { code?: string }, socket: Socket): void {
  const isAnswerable = error.code !== 'ECONNRESET' && socket.writable && !isAnswering(socket);
  if (isAnswerable) {
    const isTooLong = error.code === 'HPE_HEADER_OVERFLOW';
    const rule = error.code === LATE ? 'sent in time' : 'well-formed HTTP/1.1';
    socket.write(
      rawProblem(
        isTooLong ? { code: 'PAYLOAD_TOO_LARGE' } : { code: 'BAD_REQUEST', faults: [{ field: 'request', rule }] },
      ),
    );
  }
  socket.destroySoon();
}

/**
 * A problem must not be written into the middle of an earlier request's answer, nor be taken for it: where that request has
 * arrived whole, what could not be read is the next one.
 */
function isAnswering({ _httpMessage: answer }: Socket & { _httpMessage?: unknown }): boolean {
  return answer instanceof ServerResponse && (answer.headersSent || answer.req.complete);
}

/** What a route is: one row of the visible route table (`routes/table.ts`), from which fastify and OpenAPI are both fed. */
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { ErrorName } from '../protocol/errors.ts';
import type { Context } from './context.ts';
import type { BodyName, SchemaName } from './openapi/schemas.ts';
import type { QueryName } from './query.ts';
import { sendText } from './send.ts';
import { type ActorTuple, actorFrom, type Identity } from './tokens.ts';

declare module 'fastify' {
  // An interface because that is how a module's types are extended.
  interface FastifyRequest {
    /** Null before the request reached its route, and where there is none. */
    route: Route | null;
    /** Who asks, on routes with access `user`. */
    identity: Identity | null;
    /** The address of whoever asks; null where nobody needs it. */
    from: string | null;
    /** The code of the answer, for metrics. */
    outcome: ErrorName;
  }
}

export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
/** What a success looks like; `schema` is null for an answer without a body. */
export type Answer = {
  status: 101 | 200 | 201 | 204 | 503;
  sentence: string;
  schema: SchemaName | null;
  headers?: readonly HeaderName[];
};
export type HeaderName = 'ETag' | 'Location' | 'Idempotency-Key' | 'Idempotent-Replayed' | 'Claims-As-Of';

export type Route = {
  readonly method: Method;
  /** In fastify's form, `/v1/events/:eventKey`. */
  readonly path: string;
  /**
   * `open`: to anybody, also in a drain. `stranger`: to anybody, but like everything that follows its answers are kept by
   * nobody and it takes nothing new in a drain. `user`: to whoever has an access token.
   */
  readonly access: 'open' | 'stranger' | 'user';
  readonly name: string;
  readonly summary: string;
  readonly query?: readonly QueryName[];
  readonly requestHeaders?: readonly ('Idempotency-Key' | 'If-Match')[];
  readonly body?: BodyName;
  /** Media types of a body that the route reads by itself, of any length. */
  readonly streams?: readonly string[];
  readonly answers: readonly Answer[];
  /** Media types of a success; JSON unless said. */
  readonly produces?: readonly string[];
  /** Codes that this route may answer beside those that every route of its access may. */
  readonly problems: readonly ErrorName[];
  /** Runs first, before the caller is known; sets headers that every answer of the route has. */
  readonly prepare?: (context: Context, request: FastifyRequest, reply: FastifyReply) => void;
  readonly handle: (context: Context, request: FastifyRequest, reply: FastifyReply) => unknown;
};

/** The actor of a request on a route with access `user`. */
export function actorOf(request: FastifyRequest): ActorTuple {
  if (request.identity === null) throw new Error(`${request.url} has no actor`);
  return actorFrom(request.identity, request.from);
}

/** A success without a body. */
export function sendNothing(reply: FastifyReply): FastifyReply {
  return reply.code(204).send();
}

/** A success with a body. */
export function sendJson(reply: FastifyReply, status: number, body: unknown): FastifyReply {
  return sendText(reply.code(status).header('content-type', 'application/json'), JSON.stringify(body));
}

/** Documents for programs: the public token keys and the description of this very interface. */
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Context } from '../context.ts';
import { Refusal } from '../refusal.ts';
import type { Route } from '../route.ts';
import { sendText } from '../send.ts';

/** Others may keep a copy for a minute, as the edge itself does. */
const KEPT = { 'cache-control': 'public, max-age=60' };

async function keys({ keys, limits }: Context, _request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
  if (keys.current === null) await keys.refresh();
  if (keys.current === null) throw new Refusal({ code: 'SERVER_UNAVAILABLE', retryAfterMs: limits.keysRefreshMsMin });
  return sendText(reply.headers({ ...KEPT, 'content-type': 'application/jwk-set+json' }), keys.current.json);
}

export const keysRoute: Route = {
  method: 'GET',
  path: '/.well-known/jwks.json',
  access: 'open',
  name: 'tokenKeys',
  summary: 'The public keys that access tokens are signed with (RFC 7517).',
  answers: [{ status: 200, sentence: 'A JWK set.', schema: 'JwkSet' }],
  produces: ['application/jwk-set+json'],
  problems: ['SERVER_UNAVAILABLE'],
  handle: keys,
};

/** `document` is asked for once, when the first caller comes: by then every route is known. */
export function openapiRoute(document: () => object): Route {
  let json: string | null = null;
  return {
    method: 'GET',
    path: '/openapi.json',
    access: 'open',
    name: 'openapi',
    summary: 'This description (OpenAPI 3.1).',
    answers: [{ status: 200, sentence: 'An OpenAPI document.', schema: 'Document' }],
    problems: [],
    handle: (_context, _request, reply) => {
      json ??= JSON.stringify(document());
      return sendText(reply.headers({ ...KEPT, 'content-type': 'application/json' }), json);
    },
  };
}

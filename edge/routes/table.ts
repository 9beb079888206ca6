/** Every route of the edge, visible in one place. fastify and /openapi.json are both made from this list. */
import { openapiOf } from '../openapi/document.ts';
import type { Route } from '../route.ts';
import { claimRoute } from './claim.ts';
import { claimRoutes } from './claims.ts';
import { keysRoute, openapiRoute } from './documents.ts';
import { eventRoutes } from './events.ts';
import { healthRoutes } from './health.ts';

export const ROUTES: readonly Route[] = [
  claimRoute,
  ...claimRoutes,
  ...eventRoutes,
  ...healthRoutes,
  keysRoute,
  openapiRoute(() => openapiOf(ROUTES)),
];

/** Every route of the edge, visible in one place. fastify and /openapi.json are both made from this list. */
import { openapiOf } from '../openapi/document.ts';
import type { Route } from '../route.ts';
import { auditRoute } from './audit.ts';
import { authRoutes } from './auth.ts';
import { claimRoute } from './claim.ts';
import { claimRoutes } from './claims.ts';
import { keysRoute, openapiRoute } from './documents.ts';
import { eventRoutes } from './events.ts';
import { healthRoutes } from './health.ts';
import { liveRoute } from './live.ts';
import { meRoutes } from './me.ts';
import { qualificationRoutes } from './qualifications.ts';
import { roleRoutes } from './roles.ts';
import { storesRoute } from './stores.ts';
import { userRoutes } from './users.ts';

export const ROUTES: readonly Route[] = [
  claimRoute,
  ...claimRoutes,
  ...eventRoutes,
  ...qualificationRoutes,
  ...authRoutes,
  ...meRoutes,
  ...userRoutes,
  ...roleRoutes,
  auditRoute,
  storesRoute,
  liveRoute,
  ...healthRoutes,
  keysRoute,
  openapiRoute(() => openapiOf(ROUTES)),
];

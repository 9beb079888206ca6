/**
 * Who asks. A service proved itself with its key; a user is somebody for whom an edge vouches. Only the `edge` role may
 * vouch: a game server with a stolen key must not become any operator it names.
 */
import type { Actor } from '../../protocol/ops.ts';

export const SERVICE_ROLES = ['game', 'edge', 'admin'] as const;
export type ServiceRole = (typeof SERVICE_ROLES)[number];

export type Service = { readonly serviceId: string; readonly roles: ReadonlySet<ServiceRole> };

export type Principal =
  | { readonly kind: 'service'; readonly service: Service }
  | {
      readonly kind: 'user';
      readonly userId: string;
      readonly sessionId: string;
      /** What the access token said; names that nobody knows permit nothing. */
      readonly roles: readonly string[];
      /** When the access token was issued, milliseconds since 1970 UTC, or null when the edge did not say. */
      readonly issuedAt: number | null;
      /** The address that the request came from, or null when the edge did not say. */
      readonly from: string | null;
      readonly via: Service;
    };
export type UserPrincipal = Extract<Principal, { kind: 'user' }>;

/** The principal of one request: the service itself without an actor, else the actor if the service may speak for users. */
export function principalOf(service: Service, actor: Actor | null): Principal | 'FORBIDDEN' {
  if (actor === null) return { kind: 'service', service };
  if (!service.roles.has('edge')) return 'FORBIDDEN';
  return { kind: 'user', ...actor, via: service };
}

/** How the audit log and the journal of changes name a principal: a user id, or `service:ID`. */
export function nameOf(principal: Principal): string {
  return principal.kind === 'user' ? principal.userId : `service:${principal.service.serviceId}`;
}

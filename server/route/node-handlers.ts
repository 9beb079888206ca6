/** What a node says about itself: token keys, readiness, metrics. */
import type { Metrics } from '../lib/metrics.ts';
import type { Handler } from './call.ts';

type Names = 'TOKEN_KEYS' | 'STATUS' | 'METRICS';
export type NodeHandlers = { [K in Names]: Handler<K> };

export type Check = { ok: boolean; detail: string | null };
/** As `TrustedIssuer`; its keys may change while the node runs. */
type Trusted = { issuer: string; audience: string; userIdPrefix: string; jwks: () => Uint8Array };
export type NodeOptions = {
  /** A JWK set with public keys only, as JSON. */
  jwks: Uint8Array;
  issuer: string;
  audience: string;
  trusted?: readonly Trusted[];
  checks: () => Promise<Record<string, Check>>;
  metrics: Metrics;
};

export function createNodeHandlers({
  jwks,
  issuer,
  audience,
  trusted = [],
  checks,
  metrics,
}: NodeOptions): NodeHandlers {
  return {
    TOKEN_KEYS: () => ({
      result: [
        jwks,
        issuer,
        audience,
        trusted.map((other) => [other.issuer, other.audience, other.userIdPrefix, other.jwks()]),
      ],
    }),
    async STATUS() {
      const named = await checks();
      return { result: [Object.values(named).every(({ ok }) => ok), named] };
    },
    METRICS: async () => ({ result: await metrics.json() }),
  };
}

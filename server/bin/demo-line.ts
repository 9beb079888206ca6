/** The line by which somebody makes a first claim: it works as printed, and only where a demo is wanted. */
import type { Settings } from './read-settings.ts';
import type { ServerPart } from './server-part.ts';
import { type Address, addressText, reachable } from './setting-values.ts';
import { accessToken } from './token.ts';

const DEMO_EVENT = 'welcome';
const DEMO_USER = 'demo';
const TOKEN_LIFE_MS = 86_400_000;

/** Null in production, without the demo, and where the demo's event is not in the store. */
export async function demoLine(
  { env, demo, issuer, audience }: Settings,
  { server, http, wallMs }: { server: ServerPart; http: Address; wallMs: number },
): Promise<string | null> {
  if (env === 'production' || demo === 'off') return null;
  const [event] = await server.store.events.get([DEMO_EVENT]);
  if (event == null) return null;
  const token = accessToken({
    tokenKey: server.tokenKey,
    issuer,
    audience,
    user: DEMO_USER,
    roles: ['USER'],
    ttlMs: TOKEN_LIFE_MS,
    wallMs,
  });
  const url = `http://${addressText(reachable(http))}/v1/events/${DEMO_EVENT}/claims`;
  return `curl -X POST ${url} -H "Authorization: Bearer ${token}"`;
}

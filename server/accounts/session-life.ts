/** When a session is alive: pure, over its record. Times are milliseconds since 1970 UTC. */
import type { SessionRecord } from '../store/accounts.ts';

const DAY_MS = 86_400_000;
export const IDLE_MS = 14 * DAY_MS;
export const LIFE_MS = 90 * DAY_MS;
export const DEVICES_MAX = 10;
/** For so long the token that was just replaced gets the same successor: a lost reply, a second tab. */
export const GRACE_MS = 30_000;

/** When it ends if nobody uses it. */
export function endOf({ lastUsedAt, expiresAt }: SessionRecord): number {
  return Math.min(lastUsedAt + IDLE_MS, expiresAt);
}

export function isLive(session: SessionRecord, nowMs: number): boolean {
  return session.endedAt === null && nowMs < endOf(session);
}

/** What a presented token is to the session it names. */
export type Presented = 'CURRENT' | 'RETRY' | 'FOREIGN' | 'REUSED';

/**
 * `FOREIGN`: the token that is good now, but not from its device; that proves nothing about the device that holds it
 * too. Everything else that we once issued is `REUSED`: two hold the session, and one of them stole it.
 */
export function presentedAs(
  session: SessionRecord,
  { hash, deviceId, nowMs }: { hash: string; deviceId: string; nowMs: number },
): Presented {
  if (hash === session.tokenHash) return deviceId === session.deviceId ? 'CURRENT' : 'FOREIGN';
  const isJustReplaced = hash === session.previousHash && nowMs - session.rotatedAt <= GRACE_MS;
  return isJustReplaced && deviceId === session.deviceId ? 'RETRY' : 'REUSED';
}

/**
 * Sessions on devices: opened by a login, carried on by refresh tokens, ended by logout, by force, by age or by a token
 * that should not exist any more. Each change is one conditional write of one record: of two servers that race, the
 * loser reads again and finds what the winner made. Invariant: one live session per user and device, and one refresh
 * token that is good for it.
 *
 * A session is revoked before it is ended. A crash in between leaves one whose access tokens are dead and whose refresh
 * finds the revocation; the other way round would leave live tokens of an ended session, which nobody would look for.
 */
import { SESSION_PREFIX } from '../../protocol/accounts.ts';
import type { SessionRecord } from '../store/accounts.ts';
import type { Doer } from './audit.ts';
import { type AccountParts, WRITES_MAX } from './parts.ts';
import { firstToken, readToken, successorOf } from './refresh-token.ts';
import { DEVICES_MAX, isLive, LIFE_MS, presentedAs } from './session-life.ts';

const SECRET_BYTES = 32;
const SESSION_ID_BYTES = 16;
/** Records of ended sessions beyond this many are removed, the oldest first. */
const RECORDS_MAX = 30;
const USER_AGENT_LENGTH_MAX = 256;

export type Device = { deviceId: string; userAgent: string | null };
/** `refreshToken` is null where the device has one already. */
export type Opened = { session: SessionRecord; refreshToken: string | null };
export type EndReason = 'logout' | 'forced' | 'password' | 'replaced' | 'devices' | 'reuse' | 'erased';
export type Refreshed = { session: SessionRecord; refreshToken: string };
/**
 * `ENDED` also where there never was such a session; `FOREIGN` from another device than its own; `BUSY` when too many
 * write at once, which says nothing about the session.
 */
export type RefreshRefusal = 'ENDED' | 'FOREIGN' | 'BUSY';

export class Sessions {
  readonly #parts: AccountParts;

  constructor(parts: AccountParts) {
    this.#parts = parts;
  }

  /** The live session of the device, or a new one; with `replace` always a new one. Null when too many write at once. */
  async open(
    userId: string,
    { deviceId, userAgent, replace, doer }: Device & { replace: boolean; doer: Doer },
  ): Promise<Opened | null> {
    const { sessions } = this.#parts.stores;
    for (let writes = 0; writes < WRITES_MAX; writes++) {
      const before = await sessions.ofDevice(userId, deviceId);
      const isAlive = before !== null && isLive(before, this.#parts.nowMs());
      if (isAlive && !replace) return { session: before, refreshToken: null };
      if (isAlive) await this.#revoke([before]);
      const { session, refreshToken } = this.#newSession(userId, { deviceId, userAgent });
      const revision = (before?.revision ?? 0) + 1;
      const record = { ...session, revision };
      if (!(before === null ? await sessions.create(record) : await sessions.replace(record))) continue;
      if (isAlive) await this.#audit(doer, before, 'replaced');
      await this.#limitDevices(record, doer);
      return { session: record, refreshToken };
    }
    return null;
  }

  /** The successor of a refresh token. */
  async refresh(
    token: string,
    { deviceId, userAgent, doer }: Device & { doer: Doer },
  ): Promise<Refreshed | RefreshRefusal> {
    const { stores, keys, nowMs } = this.#parts;
    const read = readToken(keys, token);
    if (read === null) return 'ENDED';
    const { sessionId, hash } = read;
    for (let writes = 0; writes < WRITES_MAX; writes++) {
      const session = await stores.sessions.bySessionId(sessionId);
      const now = nowMs();
      if (session === null || !isLive(session, now)) return 'ENDED';
      const presented = presentedAs(session, { hash, deviceId, nowMs: now });
      if (presented === 'FOREIGN') return presented;
      const generation = session.generation + (presented === 'CURRENT' ? 1 : 0);
      const successor = successorOf(keys, { token, sessionId, generation });
      if (presented === 'RETRY' && successor.hash === session.tokenHash) {
        return { session, refreshToken: successor.token };
      }
      if (presented !== 'CURRENT') {
        await this.end(session, { reason: 'reuse', doer });
        return 'ENDED';
      }
      const next: SessionRecord = {
        ...session,
        ...{ tokenHash: successor.hash, previousHash: hash, generation, rotatedAt: now, lastUsedAt: now },
        userAgent: agentOf(userAgent) || session.userAgent,
        revision: session.revision + 1,
      };
      if (await stores.sessions.replace(next)) return { session: next, refreshToken: successor.token };
    }
    return 'BUSY';
  }

  /** Live sessions, the one used last first. */
  async ofUser(userId: string): Promise<SessionRecord[]> {
    const records = await this.#parts.stores.sessions.ofUser(userId);
    const now = this.#parts.nowMs();
    return records.filter((session) => isLive(session, now));
  }

  async find(sessionId: string): Promise<SessionRecord | null> {
    const session = await this.#parts.stores.sessions.bySessionId(sessionId);
    return session !== null && isLive(session, this.#parts.nowMs()) ? session : null;
  }

  /** Ends one session: refresh fails at once, access tokens here at once and elsewhere with the next reading. */
  async end(session: SessionRecord, { reason, doer }: { reason: EndReason; doer: Doer }): Promise<void> {
    await this.#endAll([session], { reason, doer });
  }

  /** Ends every session of a user but `except`, and revokes what has no session. How many were ended. */
  async endAllOf(
    userId: string,
    { except = null, reason, doer }: { except?: string | null; reason: EndReason; doer: Doer },
  ): Promise<number> {
    await this.revokeUnstored(userId);
    const live = (await this.ofUser(userId)).filter(({ sessionId }) => sessionId !== except);
    await this.#endAll(live, { reason, doer });
    return live.length;
  }

  /** Tokens of the user that have no session here, and were issued before now. */
  async revokeUnstored(userId: string): Promise<void> {
    const { revoke, nowMs, tokenMs } = this.#parts;
    const at = nowMs();
    await revoke([{ userId, sessionId: null, at, until: at + tokenMs.unstored }]);
  }

  /** Devices and addresses are personal: an erased user keeps no record of them. */
  async removeAllOf(userId: string): Promise<void> {
    const { sessions } = this.#parts.stores;
    for (const { deviceId } of await sessions.ofUser(userId)) await sessions.remove(userId, deviceId);
  }

  async #endAll(
    sessions: readonly SessionRecord[],
    { reason, doer }: { reason: EndReason; doer: Doer },
  ): Promise<void> {
    await this.#revoke(sessions);
    for (const session of sessions) if (await this.#markEnded(session)) await this.#audit(doer, session, reason);
  }

  /** False when it had ended, or another session has taken its place on the device. */
  async #markEnded({ userId, deviceId, sessionId }: SessionRecord): Promise<boolean> {
    const { sessions } = this.#parts.stores;
    for (let writes = 0; writes < WRITES_MAX; writes++) {
      const session = await sessions.ofDevice(userId, deviceId);
      if (session?.sessionId !== sessionId || session.endedAt !== null) return false;
      const ended = { ...session, endedAt: this.#parts.nowMs(), revision: session.revision + 1 };
      if (await sessions.replace(ended)) return true;
    }
    throw new Error(`session ${sessionId} was written ${WRITES_MAX} times while it was being ended`);
  }

  async #revoke(sessions: readonly SessionRecord[]): Promise<void> {
    const at = this.#parts.nowMs();
    const until = at + this.#parts.tokenMs.stored;
    await this.#parts.revoke(sessions.map(({ userId, sessionId }) => ({ userId, sessionId, at, until })));
  }

  async #audit(doer: Doer, { userId, sessionId, deviceId }: SessionRecord, reason: EndReason): Promise<void> {
    const before = { sessionId, deviceId };
    await this.#parts.audit.record(doer, { action: 'session.ended', subject: userId, before, after: { reason } });
  }

  /** The device that was just used is never the one used least recently. */
  async #limitDevices({ userId, sessionId }: SessionRecord, doer: Doer): Promise<void> {
    const records = await this.#parts.stores.sessions.ofUser(userId);
    const now = this.#parts.nowMs();
    const others = records.filter((session) => session.sessionId !== sessionId);
    const live = others.filter((session) => isLive(session, now));
    await this.#endAll(live.slice(DEVICES_MAX - 1), { reason: 'devices', doer });
    const dead = others.filter((session) => !isLive(session, now));
    for (const { deviceId } of dead.slice(RECORDS_MAX)) await this.#parts.stores.sessions.remove(userId, deviceId);
  }

  #newSession(userId: string, { deviceId, userAgent }: Device) {
    const { runtime, keys, nowMs } = this.#parts;
    const sessionId = SESSION_PREFIX + Buffer.from(runtime.randomBytes(SESSION_ID_BYTES)).toString('base64url');
    const { token, hash } = firstToken(keys, sessionId, runtime.randomBytes(SECRET_BYTES));
    const now = nowMs();
    const session: Omit<SessionRecord, 'revision'> = {
      userId,
      deviceId,
      sessionId,
      tokenHash: hash,
      previousHash: null,
      generation: 1,
      rotatedAt: now,
      createdAt: now,
      lastUsedAt: now,
      expiresAt: now + LIFE_MS,
      endedAt: null,
      userAgent: agentOf(userAgent),
    };
    return { session, refreshToken: token };
  }
}

function agentOf(userAgent: string | null): string {
  return (userAgent ?? '').slice(0, USER_AGENT_LENGTH_MAX).replace(/\p{Surrogate}$/u, '');
}

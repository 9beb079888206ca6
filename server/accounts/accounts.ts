/**
 * What people do with their accounts, joined from users, sessions and tokens: sign in, stay signed in, sign out, change
 * a password, be erased. Each answer is a success or a problem of the error table; StoreUnavailable passes through.
 */
import type { SignedIn } from '../../protocol/accounts.ts';
import type { Problem } from '../../protocol/reply.ts';
import type { SessionRecord, UserRecord } from '../store/accounts.ts';
import type { Audit, Doer } from './audit.ts';
import { type AccountParts, BUSY_RETRY_MS } from './parts.ts';
import { endOf } from './session-life.ts';
import { type Device, Sessions } from './sessions.ts';
import { Users } from './users.ts';
import { sessionViewOf } from './views.ts';

/** Signs an access token; `expiresAt` in milliseconds since 1970 UTC. */
export type Sign = (claims: { userId: string; sessionId: string; roles: readonly string[] }) => {
  token: string;
  expiresAt: number;
};
export type AccountOptions = AccountParts & { sign: Sign };
export type SignInAnswer = { signedIn: SignedIn } | Problem;

const SESSION_ENDED: Problem = { code: 'SESSION_ENDED' };

export class Accounts {
  readonly users: Users;
  readonly sessions: Sessions;
  readonly #sign: Sign;
  readonly #audit: Audit;

  constructor({ sign, ...parts }: AccountOptions) {
    this.users = new Users(parts);
    this.sessions = new Sessions(parts);
    this.#sign = sign;
    this.#audit = parts.audit;
  }

  async login(
    { username, password }: { username: string; password: string },
    { replace, doer, ...device }: Device & { replace: boolean; doer: Doer },
  ): Promise<SignInAnswer> {
    const proved = await this.users.login(username, password, doer);
    if (!('user' in proved)) return proved;
    const { user } = proved;
    const opened = await this.sessions.open(user.userId, { ...device, replace, doer });
    if (opened === null) return { code: 'BUSY', retryAfterMs: BUSY_RETRY_MS };
    // A password that was changed meanwhile has ended the sessions there were, and did not see this one.
    const now = await this.users.byId(user.userId);
    if (now?.passwordHash !== user.passwordHash) {
      await this.sessions.end(opened.session, { reason: 'password', doer });
      return { code: 'BAD_CREDENTIALS' };
    }
    return { signedIn: this.#signedIn(now, opened.session, opened.refreshToken) };
  }

  async refresh(token: string, use: Device & { doer: Doer }): Promise<SignInAnswer> {
    const refreshed = await this.sessions.refresh(token, use);
    if (refreshed === 'ENDED') return SESSION_ENDED;
    if (refreshed === 'BUSY') return { code: 'BUSY', retryAfterMs: BUSY_RETRY_MS };
    if (refreshed === 'FOREIGN') return { code: 'UNAUTHENTICATED', detail: 'the session is of another device' };
    const user = await this.users.byId(refreshed.session.userId);
    if (user === null || user.erasedAt !== null) return SESSION_ENDED;
    return { signedIn: this.#signedIn(user, refreshed.session, refreshed.refreshToken) };
  }

  /** Ends the other sessions; the one that asked goes on. */
  async changePassword(
    { userId, sessionId }: { userId: string; sessionId: string },
    { current, next, doer }: { current: string; next: string; doer: Doer },
  ): Promise<Problem | null> {
    const proved = await this.users.prove(userId, current, doer);
    if (!('user' in proved)) return proved;
    const answer = await this.users.setPassword(proved.user, next, doer);
    if (!('user' in answer)) return answer;
    await this.sessions.endAllOf(userId, { except: sessionId, reason: 'password', doer });
    return null;
  }

  async eraseSelf(userId: string, password: string, doer: Doer): Promise<Problem | null> {
    const proved = await this.users.prove(userId, password, doer);
    return 'user' in proved ? this.erase(userId, doer) : proved;
  }

  async erase(userId: string, doer: Doer): Promise<Problem | null> {
    const answer = await this.users.erase(userId, doer);
    if (!('user' in answer)) return answer;
    await this.sessions.endAllOf(userId, { reason: 'erased', doer });
    await this.sessions.removeAllOf(userId);
    return null;
  }

  /** The user need not be one of ours: tokens of a command line or of another issuer are revoked all the same. */
  async logoutUser(userId: string, doer: Doer): Promise<void> {
    const count = await this.sessions.endAllOf(userId, { reason: 'forced', doer });
    if (count > 0) return;
    await this.#audit.record(doer, { action: 'session.ended', subject: userId, after: { reason: 'forced' } });
  }

  #signedIn({ userId, roles }: UserRecord, session: SessionRecord, refreshToken: string | null): SignedIn {
    const { token, expiresAt } = this.#sign({ userId, sessionId: session.sessionId, roles });
    return {
      accessToken: token,
      accessExpiresAt: new Date(expiresAt).toISOString(),
      refreshToken,
      refreshExpiresAt: refreshToken === null ? null : new Date(endOf(session)).toISOString(),
      tokenType: 'Bearer',
      session: sessionViewOf(session),
    };
  }
}

/** Signing in and what people do with their own account. */
import { isStoredSession } from '../../protocol/accounts.ts';
import { type Value, widen } from '../../protocol/codec.ts';
import type { Accounts, SignInAnswer } from '../accounts/accounts.ts';
import { sessionViewOf, userViewOf } from '../accounts/views.ts';
import type { Principal, UserPrincipal } from '../session/principal.ts';
import { type Answer, doerOf, type Handler } from './call.ts';

type Names =
  | 'REGISTER'
  | 'LOGIN'
  | 'REFRESH'
  | 'LOGOUT'
  | 'ME'
  | 'SESSIONS_OF_USER'
  | 'SESSION_END'
  | 'PASSWORD_CHANGE'
  | 'ERASE_SELF';
export type AccountHandlers = { [K in Names]: Handler<K> };

const DONE = { result: null } as const;

export function createAccountHandlers({
  accounts,
  nowMs,
}: {
  accounts: Accounts;
  nowMs: () => number;
}): AccountHandlers {
  const { users, sessions } = accounts;

  /** Ends the session that asked; a token without one takes those like it along, for want of anything smaller. */
  async function logout(principal: UserPrincipal): Promise<void> {
    const doer = doerOf(principal);
    if (!isStoredSession(principal.sessionId)) {
      await sessions.revokeUnstored(principal.userId);
      return;
    }
    const session = await sessions.find(principal.sessionId);
    if (session?.userId === principal.userId) await sessions.end(session, { reason: 'logout', doer });
  }

  return {
    async REGISTER({ args: [, username, password, from], principal }) {
      const answer = await users.create(username, password, { from: doerOf(principal, from).from });
      return 'user' in answer ? { result: widen(userViewOf(answer.user)) } : answer;
    },

    async LOGIN({ args: [, username, password, deviceId, replaceSession, from, userAgent], principal }) {
      const doer = doerOf(principal, from);
      const use = { deviceId, userAgent, replace: replaceSession === true, doer };
      return signedIn(await accounts.login({ username, password }, use));
    },

    async REFRESH({ args: [, refreshToken, deviceId, from, userAgent], principal }) {
      return signedIn(await accounts.refresh(refreshToken, { deviceId, userAgent, doer: doerOf(principal, from) }));
    },

    async LOGOUT({ principal }) {
      await logout(selfOf(principal));
      return DONE;
    },

    async ME({ principal }) {
      const { userId, roles, issuedAt } = selfOf(principal);
      const user = await users.byId(userId);
      if (user !== null) return { result: widen(userViewOf(user)) };
      // A token that needs no account: what it says is all there is to say.
      const createdAt = new Date(issuedAt ?? nowMs()).toISOString();
      return { result: { id: userId, username: null, roles, createdAt } };
    },

    async SESSIONS_OF_USER({ principal }) {
      const live = await sessions.ofUser(selfOf(principal).userId);
      return { result: [live.map((session): Value => widen(sessionViewOf(session))), null] };
    },

    async SESSION_END({ args: [, sessionId], principal }) {
      const session = await sessions.find(sessionId);
      if (session?.userId !== selfOf(principal).userId) return { code: 'SESSION_NOT_FOUND' };
      await sessions.end(session, { reason: 'logout', doer: doerOf(principal) });
      return DONE;
    },

    async PASSWORD_CHANGE({ args: [, current, next], principal }) {
      const change = { current, next, doer: doerOf(principal) };
      return (await accounts.changePassword(selfOf(principal), change)) ?? DONE;
    },

    async ERASE_SELF({ args: [, password], principal }) {
      return (await accounts.eraseSelf(selfOf(principal).userId, password, doerOf(principal))) ?? DONE;
    },
  };
}

function signedIn(answer: SignInAnswer): Answer {
  return 'signedIn' in answer ? { result: widen(answer.signedIn) } : answer;
}

/** The reach of these ops is `own`, which no service has. */
function selfOf(principal: Principal): UserPrincipal {
  if (principal.kind !== 'user') throw new Error('a service has no account');
  return principal;
}

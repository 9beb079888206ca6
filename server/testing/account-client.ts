/** What an edge asks of a claim server for people, in the words of a test. */

import type { Args, Client, RequestName } from '../../clients/index.ts';
import type { SignedIn, UserView } from '../../protocol/accounts.ts';
import type { Actor } from '../../protocol/ops.ts';
import { isSuccess, type Reply } from '../../protocol/reply.ts';
import type { Result } from '../../protocol/results.ts';

type Op = Exclude<RequestName, 'HELLO'>;
export type ActorTuple = [string, string, string[], number | null, string | null];
export const PASSWORD = 'correct horse';

export function actorTuple({ userId, sessionId, roles, issuedAt, from }: Actor): ActorTuple {
  return [userId, sessionId, roles, issuedAt, from];
}

/** The actor of an access token, as an edge would pass it on. */
export function actorOf({ accessToken }: SignedIn, from: string | null = null): ActorTuple {
  const payload = JSON.parse(Buffer.from(accessToken.split('.')[1] ?? '', 'base64url').toString());
  return [payload.sub, payload.sid, payload.roles, payload.iat * 1_000, from];
}

export class AccountClient {
  readonly client: Client;

  constructor(client: Client) {
    this.client = client;
  }

  /** One attempt, and its reply as it is. */
  ask<K extends Op>(op: K, ...args: Args<K>): Promise<Reply> {
    return this.client.request(op, args, { retry: 'never' });
  }

  async code<K extends Op>(op: K, ...args: Args<K>): Promise<string> {
    return (await this.ask(op, ...args)).code;
  }

  /** Throws where the reply is no success. */
  async done<K extends Op>(op: K, ...args: Args<K>): Promise<Result<K>> {
    const reply = await this.ask(op, ...args);
    if (!isSuccess(reply)) throw new Error(`${op}: ${JSON.stringify(reply)}`);
    return reply.result as Result<K>;
  }

  register(username: string, password = PASSWORD): Promise<UserView> {
    return this.done('REGISTER', null, username, password, null, null);
  }

  login(username: string, deviceId = 'phone', password = PASSWORD): Promise<SignedIn> {
    return this.done('LOGIN', null, username, password, deviceId, null, null, null);
  }

  refresh({ refreshToken }: SignedIn, deviceId = 'phone'): Promise<Reply> {
    return this.ask('REFRESH', null, refreshToken ?? '-', deviceId, null, null);
  }

  async signUp(username: string): Promise<{ user: UserView; signedIn: SignedIn; actor: ActorTuple }> {
    const user = await this.register(username);
    const signedIn = await this.login(username);
    return { user, signedIn, actor: actorOf(signedIn) };
  }
}

/** HTTP as a player's program speaks it: one request, one answer, never tried twice. */
import type { SignedIn, UserView } from '../../../protocol/accounts.ts';
import { PASSWORD } from '../account-client.ts';

export type CallInit = { token?: string | null; body?: unknown; headers?: Record<string, string> };
export type Answer = {
  status: number;
  /** Of a problem; the empty text for a success. */
  code: string;
  body: unknown;
};
export type Call = (line: string, init?: CallInit) => Promise<Answer>;

/** `line` is `METHOD /path`. */
export function calledAt(origin: string): Call {
  return async (line, { token = null, body, headers = {} } = {}) => {
    const [method = '', path] = line.split(' ', 2);
    const authorization: Record<string, string> = token === null ? {} : { authorization: `Bearer ${token}` };
    const content: Record<string, string> = body === undefined ? {} : { 'content-type': 'application/json' };
    const response = await fetch(origin + path, {
      method,
      headers: { ...authorization, ...content, ...headers },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    const isJson = /json/.test(response.headers.get('content-type') ?? '');
    const value: unknown = isJson && text !== '' ? JSON.parse(text) : null;
    const code = response.ok ? '' : String((value as { code?: unknown } | null)?.code);
    return { status: response.status, code, body: value };
  };
}

export type Person = { id: string; username: string; deviceId: string; signedIn: SignedIn };

export async function registered(call: Call, username: string): Promise<UserView> {
  const answer = await call('POST /v1/auth/register', { body: { username, password: PASSWORD } });
  if (answer.status !== 201) throw new Error(`register: ${answer.status} ${answer.code}`);
  return (answer.body as { user: UserView }).user;
}

export async function signedIn(call: Call, username: string, deviceId = 'phone'): Promise<SignedIn> {
  const answer = await call('POST /v1/auth/login', { body: { username, password: PASSWORD, deviceId } });
  if (answer.status !== 200) throw new Error(`login: ${answer.status} ${answer.code}`);
  return answer.body as SignedIn;
}

export async function signedUp(call: Call, username: string, deviceId = 'phone'): Promise<Person> {
  const { id } = await registered(call, username);
  return { id, username, deviceId, signedIn: await signedIn(call, username, deviceId) };
}

export function refreshed(call: Call, refreshToken: string | null, deviceId: string): Promise<Answer> {
  return call('POST /v1/auth/refresh', { body: { refreshToken, deviceId } });
}

/** Milliseconds until the answer has the code; asks again and again for `timeMsMax`. */
export async function msUntil(code: string, ask: () => Promise<Answer>, timeMsMax = 4_000): Promise<number> {
  const startedAt = performance.now();
  for (;;) {
    const { code: said } = await ask();
    const tookMs = performance.now() - startedAt;
    if (said === code) return tookMs;
    if (tookMs > timeMsMax) throw new Error(`${code} never came; the last answer was ${said}`);
  }
}

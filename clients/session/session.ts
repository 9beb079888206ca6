/**
 * One account on one device over HTTP, for browsers and Node alike. Access tokens live for minutes: a request that is
 * refused for its token is made once more with the next one. However many are refused at once, one refresh is made; when
 * its reply is lost the same refresh token is presented again, which the server answers with the same successor.
 * Invariant: tokens go to `baseUrl` and to the storage, nowhere else.
 */
import { type SessionView, type SignedIn, signedInShape } from '../../protocol/accounts.ts';
import { faultsOf } from '../../protocol/shape.ts';
import type { ProblemJson } from '../json.ts';
import { StoredTokens, type TokenStorage, type Tokens } from './tokens.ts';

export type { SessionView } from '../../protocol/accounts.ts';
export type { ProblemJson } from '../json.ts';
export type { TokenStorage } from './tokens.ts';

export type SessionOptions = {
  /** Of the edge, `https://claims.example` for instance; empty for the page's own origin. */
  baseUrl: string;
  storage: TokenStorage;
  /** Stays the same for this device: 1…128 visible ASCII characters. */
  deviceId: string;
  /** The platform's when absent. */
  fetch?: typeof globalThis.fetch;
  /** Told when the server has ended the session: somebody must sign in again. */
  onEnded?: () => void;
};
export type LoginRequest = {
  username: string;
  password: string;
  /** Ends the session that this device has, and begins another one. */
  replaceSession?: boolean;
};
export type LoginReply = { code: 'OK'; session: SessionView } | ProblemJson;

export function createSession(options: SessionOptions): Session {
  return new Session(options);
}

export class Session {
  readonly #base: string;
  readonly #deviceId: string;
  readonly #send: typeof globalThis.fetch;
  readonly #tokens: StoredTokens;
  readonly #onEnded: () => void;
  #refreshing: Promise<Refreshed> | null = null;

  /** Use `createSession`. */
  constructor({ baseUrl, storage, deviceId, fetch, onEnded = () => {} }: SessionOptions) {
    this.#base = baseUrl.replace(/\/+$/, '');
    this.#deviceId = deviceId;
    // Called as a function of its own: a browser's fetch refuses to be somebody's method.
    this.#send = (input, init) => (fetch ?? globalThis.fetch)(input, init);
    this.#tokens = new StoredTokens(storage);
    this.#onEnded = onEnded;
  }

  /**
   * Signs in and keeps the tokens. Resolves with the problem when the edge refuses: BAD_CREDENTIALS, RATE_LIMITED, BUSY
   * and so on. Rejects when there was no answer of an edge.
   */
  async login(request: LoginRequest): Promise<LoginReply> {
    const response = await this.#post('/v1/auth/login', { ...request, deviceId: this.#deviceId });
    if (!response.ok) return problemIn(response);
    const signedIn = await signedInBy(response);
    await this.#tokens.keep(signedIn);
    return { code: 'OK', session: signedIn.session };
  }

  /**
   * As the platform's `fetch`, for a path of the edge that begins with `/`, with the access token. A 401 for the token is
   * answered by one refresh and one more try; a body that is a stream cannot be sent again, so then the 401 is returned.
   * When no new token could be had, the edge's reason is the answer.
   */
  async fetch(path: string, init: RequestInit = {}): Promise<Response> {
    if (!path.startsWith('/')) throw new TypeError(`"${path}" is not a path that begins with /`);
    const tokens = await this.#tokens.read();
    const response = await this.#sendWith(tokens, path, init);
    if (tokens === null || !(await isForToken(response)) || isStream(init.body)) return response;
    const refreshed = await this.#refreshed(tokens.accessToken);
    // Several may get the same refusal, and a body can be read once.
    if (refreshed.tokens === null) return refreshed.refusal?.clone() ?? response;
    await response.body?.cancel();
    return this.#sendWith(refreshed.tokens, path, init);
  }

  /** The access token, for the first message of `/v1/live`; null when nobody is signed in. It may have ended meanwhile. */
  async accessToken(): Promise<string | null> {
    return (await this.#tokens.read())?.accessToken ?? null;
  }

  /** The next access token; null when nobody is signed in any more or the edge refuses for now. */
  async refresh(): Promise<string | null> {
    const tokens = await this.#tokens.read();
    return tokens === null ? null : ((await this.#refreshed(tokens.accessToken)).tokens?.accessToken ?? null);
  }

  /** Ends the session and forgets the tokens, which it does also when the edge cannot be told; then it rejects. */
  async logout(): Promise<void> {
    try {
      if ((await this.#tokens.read()) !== null) await this.fetch('/v1/auth/logout', { method: 'POST' });
    } finally {
      await this.#tokens.drop();
    }
  }

  #sendWith(tokens: Tokens | null, path: string, init: RequestInit): Promise<Response> {
    const headers = new Headers(init.headers);
    if (tokens !== null) headers.set('authorization', `Bearer ${tokens.accessToken}`);
    return this.#send(this.#base + path, { ...init, headers });
  }

  #post(path: string, body: object): Promise<Response> {
    const headers = { 'content-type': 'application/json' };
    return this.#send(this.#base + path, { method: 'POST', headers, body: JSON.stringify(body) });
  }

  /** Shared by everybody who asks while it is under way. */
  #refreshed(refused: string): Promise<Refreshed> {
    this.#refreshing ??= this.#refresh(refused).finally(() => {
      this.#refreshing = null;
    });
    return this.#refreshing;
  }

  async #refresh(refused: string): Promise<Refreshed> {
    const tokens = await this.#tokens.read();
    if (tokens === null) return { tokens: null };
    // Another tab, or somebody who asked a moment ago, has it already.
    if (tokens.accessToken !== refused) return { tokens };
    const { refreshToken } = tokens;
    // A reply that was lost is asked for again, once: the server may have rotated the token already.
    const answer =
      refreshToken === null ? 'ENDED' : await this.#present(refreshToken).catch(() => this.#present(refreshToken));
    if (answer instanceof Response) return { tokens: null, refusal: answer };
    const stored = await this.#tokens.read();
    // Somebody signed in or out meanwhile: that counts.
    if (stored?.refreshToken !== refreshToken) return { tokens: stored };
    if (answer !== 'ENDED') return { tokens: await this.#tokens.keep(answer) };
    await this.#tokens.drop();
    this.#onEnded();
    return { tokens: null };
  }

  /** What the token brought; a Response where the edge did not judge it. */
  async #present(refreshToken: string): Promise<SignedIn | 'ENDED' | Response> {
    const response = await this.#post('/v1/auth/refresh', { refreshToken, deviceId: this.#deviceId });
    if (response.ok) return signedInBy(response);
    return response.status === 401 ? 'ENDED' : response;
  }
}

type Refreshed = { tokens: Tokens | null; refusal?: Response };

/** A wrong password is a 401 too, and no token mends it. */
async function isForToken(response: Response): Promise<boolean> {
  return response.status === 401 && (await membersOf(response.clone())).code !== 'BAD_CREDENTIALS';
}

function isStream(body: unknown): boolean {
  return typeof ReadableStream !== 'undefined' && body instanceof ReadableStream;
}

async function signedInBy(response: Response): Promise<SignedIn> {
  const body: unknown = await response.json();
  const [fault] = faultsOf(signedInShape, body);
  if (fault !== undefined) throw new TypeError(`not an answer of an edge: ${fault.field}: ${fault.rule}`);
  return body as SignedIn;
}

async function problemIn(response: Response): Promise<ProblemJson> {
  const body = await membersOf(response);
  if (typeof body.code === 'string') return body as ProblemJson;
  throw new TypeError(`not an answer of an edge: status ${response.status}`);
}

/** Of a JSON object; none where there is none. */
async function membersOf(response: Response): Promise<{ code?: unknown }> {
  const body: unknown = await response.json().catch(() => null);
  return typeof body === 'object' && body !== null ? body : {};
}

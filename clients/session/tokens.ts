/**
 * The tokens of one session as they lie in a storage: one entry, so that they change all together. What lies there may
 * have been written by another tab or another version, so it is untrusted.
 */
import type { SignedIn } from '../../protocol/accounts.ts';

/** `localStorage` does with three lines around it, and so does any keychain. */
export type TokenStorage = {
  get(key: string): string | null | undefined | Promise<string | null | undefined>;
  set(key: string, value: string): void | Promise<void>;
  remove(key: string): void | Promise<void>;
};

export type Tokens = {
  sessionId: string;
  accessToken: string;
  /** Null when this device's session was begun elsewhere: it ends with its access token. */
  refreshToken: string | null;
};

const KEY = 'claimd.session';

export class StoredTokens {
  readonly #storage: TokenStorage;

  constructor(storage: TokenStorage) {
    this.#storage = storage;
  }

  async read(): Promise<Tokens | null> {
    const text = await this.#storage.get(KEY);
    return typeof text === 'string' ? tokensOf(text) : null;
  }

  /** A login on a device whose session lives brings no refresh token: then the one of that session stays. */
  async keep({ accessToken, refreshToken, session }: SignedIn): Promise<Tokens> {
    const known = await this.read();
    const earlier = known?.sessionId === session.id ? known.refreshToken : null;
    const tokens = { sessionId: session.id, accessToken, refreshToken: refreshToken ?? earlier };
    await this.#storage.set(KEY, JSON.stringify(tokens));
    return tokens;
  }

  async drop(): Promise<void> {
    await this.#storage.remove(KEY);
  }
}

function tokensOf(text: string): Tokens | null {
  try {
    const { sessionId, accessToken, refreshToken } = JSON.parse(text);
    const isWhole = typeof sessionId === 'string' && typeof accessToken === 'string';
    return isWhole ? { sessionId, accessToken, refreshToken: refreshToken ?? null } : null;
  } catch {
    return null;
  }
}

/**
 * The public keys of access tokens, got from a claim server over the protocol and refreshed while the edge runs: its own
 * and those of issuers that it trusts. The last set stays in use while no server can be reached. Invariant: a set is
 * replaced whole, so that `===` tells whether anything has changed, and what is published holds public members of the
 * server's own keys only, whatever the server sent.
 */
import { createPublicKey, type KeyObject } from 'node:crypto';
import type { Result } from '../protocol/results.ts';
import type { Runtime } from '../protocol/runtime.ts';
import { faultsOf, type Shape, text } from '../protocol/shape.ts';

export type Issuer = {
  readonly issuer: string;
  readonly audience: string;
  /** How the ids of its users begin, for an issuer that is somebody else; null for our own. */
  readonly userIdPrefix: string | null;
  readonly byId: ReadonlyMap<string, KeyObject>;
};
export type KeySet = {
  /** By the name that tokens give as `iss`. */
  readonly issuers: ReadonlyMap<string, Issuer>;
  /** Our own keys as a JWK set in JSON, for /.well-known/jwks.json. */
  readonly json: string;
  /** Equal for sets that let the same tokens in. */
  readonly fingerprint: string;
};

type Jwk = { kty: 'EC'; crv: 'P-256'; x: string; y: string; kid: string };
const member: Shape<string> = text({ lengthMin: 1, lengthMax: 128 });

/** Keys that the edge cannot use are left out. Throws when no own key is left or a document is not a JWK set. */
export function keySetOf([jwks, issuer, audience, trusted]: Result<'TOKEN_KEYS'>): KeySet {
  const own = es256Keys(jwks);
  if (own.length === 0) throw new TypeError('the server named no ES256 key');
  const issuers = new Map<string, Issuer>();
  const parts: unknown[] = [];
  function add(name: string, issuerAudience: string, userIdPrefix: string | null, keys: Jwk[]): void {
    const byId = new Map(keys.map((key) => [key.kid, createPublicKey({ key, format: 'jwk' })]));
    issuers.set(name, { issuer: name, audience: issuerAudience, userIdPrefix, byId });
    parts.push([name, issuerAudience, userIdPrefix, keys]);
  }
  for (const [name, theirAudience, prefix, theirJwks] of trusted ?? []) {
    add(name, theirAudience, prefix, es256Keys(theirJwks));
  }
  // Last, so that nobody else can stand under our own name.
  add(issuer, audience, null, own);
  const json = JSON.stringify({ keys: own.map((key) => ({ ...key, alg: 'ES256', use: 'sig' })) });
  return { issuers, json, fingerprint: JSON.stringify(parts) };
}

/** With the members that make a public key, and no others. */
function es256Keys(jwks: Uint8Array): Jwk[] {
  const document: unknown = JSON.parse(new TextDecoder().decode(jwks));
  const listed = (document as { keys?: unknown } | null)?.keys;
  return (Array.isArray(listed) ? listed : [])
    .filter(isEs256Key)
    .map(({ x, y, kid }) => ({ kty: 'EC', crv: 'P-256', x, y, kid }));
}

function isEs256Key(value: unknown): value is Jwk {
  const { kty, crv, x, y, kid } = (value ?? {}) as Partial<Record<keyof Jwk, unknown>>;
  return kty === 'EC' && crv === 'P-256' && [x, y, kid].every((part) => faultsOf(member, part).length === 0);
}

type Options = {
  load: () => Promise<KeySet>;
  runtime: Runtime;
  refreshMs: number;
  refreshMsMin: number;
  /** Told why a refresh failed; the last set stays. */
  failed: (error: unknown) => void;
};

export class TokenKeys {
  readonly #options: Options;
  #current: KeySet | null = null;
  #underway: Promise<void> | null = null;
  #refreshedAtMs = Number.NEGATIVE_INFINITY;
  #cancelTimer: () => void = () => {};

  constructor(options: Options) {
    this.#options = options;
  }

  get current(): KeySet | null {
    return this.#current;
  }

  /** Asks the server unless it was asked a moment ago; callers at the same time share one question. Never rejects. */
  async refresh(): Promise<void> {
    const { runtime, refreshMsMin } = this.#options;
    const isTooSoon = runtime.monotonicMs() - this.#refreshedAtMs < refreshMsMin;
    // Without any key nobody can be let in, so then each caller may ask.
    if (this.#underway === null && isTooSoon && this.#current !== null) return;
    this.#underway ??= this.#load().finally(() => {
      this.#underway = null;
      this.#refreshedAtMs = runtime.monotonicMs();
    });
    await this.#underway;
  }

  /** Loads now and then again and again until `stop`. */
  start(): void {
    const { runtime, refreshMs } = this.#options;
    this.#cancelTimer = runtime.after(refreshMs, () => this.start());
    void this.refresh();
  }

  stop(): void {
    this.#cancelTimer();
  }

  async #load(): Promise<void> {
    try {
      const loaded = await this.#options.load();
      if (loaded.fingerprint !== this.#current?.fingerprint) this.#current = loaded;
    } catch (error) {
      this.#options.failed(error);
    }
  }
}

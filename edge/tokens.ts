/**
 * Access tokens into actors. An access token is a JWS signed with ES256 by a key of the server's set, of type `at+jwt`,
 * for our issuer and audience, with an end. Whether its session still lives is the server's question, not ours.
 * Checking a signature costs two to three times what a bare request does, so verified tokens are remembered until they
 * end or the keys change. Invariant: whatever is wrong, the answer is UNAUTHENTICATED and the log line holds the reason
 * but never the token.
 */
import jwt from 'jsonwebtoken';
import { actorShape } from '../protocol/ops.ts';
import type { Runtime } from '../protocol/runtime.ts';
import { faultsOf, type TypeOf, text } from '../protocol/shape.ts';
import type { EdgeLog } from './context.ts';
import type { KeySet, TokenKeys } from './keys.ts';
import type { EdgeLimits } from './limits.ts';
import { Recent } from './recent.ts';
import { Refusal } from './refusal.ts';

export type ActorTuple = TypeOf<typeof actorShape>;
type Entry = { actor: ActorTuple; endsAtMs: number; keySet: KeySet };
type Options = { keys: TokenKeys; runtime: Runtime; log: EdgeLog; limits: EdgeLimits };

const BEARER = /^Bearer +([\w-]+\.[\w-]+\.[\w-]+)$/i;
const jtiShape = text({ lengthMin: 1, lengthMax: 128 });

/** Why a token is refused; for the log only. */
class TokenRefused extends Error {}

export class Tokens {
  readonly #options: Options;
  readonly #recent: Recent<Entry>;

  constructor(options: Options) {
    this.#options = options;
    this.#recent = new Recent(options.limits.tokensMax);
  }

  /** The actor of an `authorization` header that was verified before; undefined when it must be verified now. */
  remembered(authorization: string | undefined): ActorTuple | undefined {
    if (authorization === undefined) return undefined;
    const entry = this.#recent.get(authorization);
    if (entry === undefined) return undefined;
    if (entry.endsAtMs > this.#options.runtime.wallMs() && entry.keySet === this.#options.keys.current)
      return entry.actor;
    this.#recent.delete(authorization);
    return undefined;
  }

  /** The actor of an `authorization` header. Rejects with a Refusal: UNAUTHENTICATED, or SERVER_UNAVAILABLE without keys. */
  async verified(authorization: string | undefined): Promise<ActorTuple> {
    if (authorization === undefined) throw new Refusal({ code: 'UNAUTHENTICATED' }, { 'www-authenticate': 'Bearer' });
    try {
      const token = tokenOf(authorization, this.#options.limits.tokenBytesMax);
      const keySet = await this.#keySetFor(token);
      const entry = this.#verify(token, keySet);
      this.#recent.set(authorization, entry);
      return entry.actor;
    } catch (error) {
      if (error instanceof Refusal) throw error;
      this.#options.log.warn(
        { reason: error instanceof Error ? error.message : String(error) },
        'access token refused',
      );
      throw new Refusal({ code: 'UNAUTHENTICATED' });
    }
  }

  /** A key that we have not heard of may be new: the server is asked, at a bounded rate. */
  async #keySetFor(token: string): Promise<KeySet> {
    const { keys, limits } = this.#options;
    const kid = keyIdOf(token);
    if (keys.current?.byId.has(kid) !== true) await keys.refresh();
    if (keys.current === null) throw new Refusal({ code: 'SERVER_UNAVAILABLE', retryAfterMs: limits.keysRefreshMsMin });
    return keys.current;
  }

  #verify(token: string, keySet: KeySet): Entry {
    const nowMs = this.#options.runtime.wallMs();
    const key = keySet.byId.get(keyIdOf(token));
    if (key === undefined) throw new TokenRefused('unknown key id');
    const { header, payload } = jwt.verify(token, key, {
      algorithms: ['ES256'],
      issuer: keySet.issuer,
      audience: keySet.audience,
      clockTimestamp: Math.floor(nowMs / 1000),
      clockTolerance: this.#options.limits.clockSkewMs / 1000,
      complete: true,
    });
    if (header.typ?.toLowerCase() !== 'at+jwt') throw new TokenRefused('typ is not at+jwt');
    if ('crit' in header) throw new TokenRefused('critical header members');
    if (typeof payload === 'string') throw new TokenRefused('payload is no object');
    const endsAtMs = Number.isFinite(payload.exp) ? (payload.exp as number) * 1000 : Number.NaN;
    // Written so that a missing end refuses. The tolerance above is for nbf: a token that has ended has ended.
    if (!(endsAtMs > nowMs)) throw new TokenRefused('exp is missing or has passed');
    if (faultsOf(jtiShape, payload.jti).length > 0) throw new TokenRefused('jti is missing');
    return { actor: actorOf(payload), endsAtMs, keySet };
  }
}

function tokenOf(authorization: string, bytesMax: number): string {
  if (authorization.length > bytesMax + 'Bearer '.length) throw new TokenRefused('longer than a token may be');
  const token = BEARER.exec(authorization)?.[1];
  if (token === undefined) throw new TokenRefused('not a bearer token of three parts');
  // Base64 leaves spare bits at the end, so that several texts have the same signature: only one of them is the token.
  const isCanonical = token.split('.').every((part) => Buffer.from(part, 'base64url').toString('base64url') === part);
  if (!isCanonical) throw new TokenRefused('not canonical base64url');
  return token;
}

function keyIdOf(token: string): string {
  const header: unknown = JSON.parse(Buffer.from(token.slice(0, token.indexOf('.')), 'base64url').toString());
  const kid = (header as { kid?: unknown } | null)?.kid;
  if (typeof kid !== 'string') throw new TokenRefused('no key id');
  return kid;
}

function actorOf({ sub, sid, roles }: jwt.JwtPayload): ActorTuple {
  const actor: unknown = [sub, sid, Array.isArray(roles) ? [...roles] : roles];
  const [fault] = faultsOf(actorShape, actor);
  if (fault !== undefined) throw new TokenRefused(`${fault.field}: ${fault.rule}`);
  return actor as ActorTuple;
}

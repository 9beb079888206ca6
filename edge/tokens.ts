/**
 * Access tokens into who they speak for. An access token is a JWS signed with ES256 by a key of its issuer, of type
 * `at+jwt`, for the issuer's audience, with an end. An issuer that is not our own speaks for users with its prefix alone,
 * and makes of nobody more than a USER. Whether a session still lives is not asked here.
 * Checking a signature costs two to three times what a bare request does, so verified tokens are remembered until they
 * end or the keys change. Invariant: whatever is wrong, the answer is UNAUTHENTICATED and the log line holds the reason
 * but never the token.
 */
import jwt from 'jsonwebtoken';
import { NO_SESSION } from '../protocol/accounts.ts';
import { actorShape } from '../protocol/ops.ts';
import { faultsOf, type TypeOf, text } from '../protocol/shape.ts';
import type { EdgeLog } from './context.ts';
import type { Issuer, KeySet, TokenKeys } from './keys.ts';
import type { EdgeLimits } from './limits.ts';
import { Recent } from './recent.ts';
import { Refusal } from './refusal.ts';
import type { ServerTime } from './server-time.ts';

export type ActorTuple = TypeOf<typeof actorShape>;
/** What a token says: an actor but for the address of the request. */
export type Identity = {
  readonly userId: string;
  readonly sessionId: string;
  readonly roles: string[];
  /** Milliseconds since 1970 UTC; null when the token does not say. */
  readonly issuedAtMs: number | null;
  /** Milliseconds since 1970 UTC, by the servers' clock. */
  readonly endsAtMs: number;
};
/** `from` is the address of the request. */
export function actorFrom({ userId, sessionId, roles, issuedAtMs }: Identity, from: string | null): ActorTuple {
  return [userId, sessionId, roles, issuedAtMs, from];
}

type Entry = { identity: Identity; keySet: KeySet };
type Options = { keys: TokenKeys; time: ServerTime; log: EdgeLog; limits: EdgeLimits };

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

  /** Of an `authorization` header that was verified before; undefined when it must be verified now. */
  remembered(authorization: string | undefined): Identity | undefined {
    if (authorization === undefined) return undefined;
    const entry = this.#recent.get(authorization);
    if (entry === undefined) return undefined;
    const isOver = entry.identity.endsAtMs <= this.#options.time.nowMs();
    if (!isOver && entry.keySet === this.#options.keys.current) return entry.identity;
    this.#recent.delete(authorization);
    return undefined;
  }

  /** Of an `authorization` header. Rejects with a Refusal: UNAUTHENTICATED, or SERVER_UNAVAILABLE without keys. */
  async verified(authorization: string | undefined): Promise<Identity> {
    if (authorization === undefined) throw new Refusal({ code: 'UNAUTHENTICATED' }, { 'www-authenticate': 'Bearer' });
    try {
      const token = tokenOf(authorization, this.#options.limits.tokenBytesMax);
      const names = namesOf(token);
      const keySet = await this.#keySetFor(names);
      const identity = this.#verify(token, names, keySet);
      this.#recent.set(authorization, { identity, keySet });
      return identity;
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
  async #keySetFor({ issuer, keyId }: Names): Promise<KeySet> {
    const { keys, limits } = this.#options;
    if (keys.current?.issuers.get(issuer)?.byId.has(keyId) !== true) await keys.refresh();
    if (keys.current === null) throw new Refusal({ code: 'SERVER_UNAVAILABLE', retryAfterMs: limits.keysRefreshMsMin });
    return keys.current;
  }

  #verify(token: string, names: Names, keySet: KeySet): Identity {
    const nowMs = this.#options.time.nowMs();
    const issuer = keySet.issuers.get(names.issuer);
    if (issuer === undefined) throw new TokenRefused('unknown issuer');
    const key = issuer.byId.get(names.keyId);
    if (key === undefined) throw new TokenRefused('unknown key id');
    const { header, payload } = jwt.verify(token, key, {
      algorithms: ['ES256'],
      issuer: issuer.issuer,
      audience: issuer.audience,
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
    return identityOf(payload, issuer, endsAtMs);
  }
}

function tokenOf(authorization: string, bytesMax: number): string {
  if (authorization.length > bytesMax + 'Bearer '.length) throw new TokenRefused('longer than a token may be');
  const token = BEARER.exec(authorization)?.[1];
  if (token === undefined) throw new TokenRefused('not a bearer token of three parts');
  if (!token.split('.').every(isCanonical)) throw new TokenRefused('not canonical base64url');
  return token;
}

/**
 * Base64 leaves spare bits at the end, so that several texts have the same signature: only the one where they are zero is
 * the token. A last group of one character is none (RFC 4648 §3.5).
 */
function isCanonical(part: string): boolean {
  const lastGroup = part.length % 4;
  if (lastGroup === 0) return true;
  return lastGroup > 1 && (lastGroup === 2 ? 'AQgw' : 'AEIMQUYcgkosw048').includes(part.at(-1) ?? '');
}

/** What an unverified token says about who signed it, and with which key: only to look the key up. */
type Names = { issuer: string; keyId: string };

function namesOf(token: string): Names {
  const [header = '', payload = ''] = token.split('.', 2);
  const { kid } = membersOf(header);
  const { iss } = membersOf(payload);
  if (typeof kid !== 'string') throw new TokenRefused('no key id');
  if (typeof iss !== 'string') throw new TokenRefused('no issuer');
  return { issuer: iss, keyId: kid };
}

function membersOf(part: string): { kid?: unknown; iss?: unknown } {
  return JSON.parse(Buffer.from(part, 'base64url').toString()) ?? {};
}

function identityOf(payload: jwt.JwtPayload, issuer: Issuer, endsAtMs: number): Identity {
  const { iat } = payload;
  const issuedAtMs = Number.isFinite(iat) ? Math.floor((iat as number) * 1000) : null;
  const [userId, sessionId, roles] = (issuer.userIdPrefix === null ? ownActor : foreignActor)(payload, issuer);
  const actor = [userId, sessionId, roles, issuedAtMs, null];
  const [fault] = faultsOf(actorShape, actor);
  if (fault !== undefined) throw new TokenRefused(`${fault.field}: ${fault.rule}`);
  return { userId, sessionId, roles, issuedAtMs, endsAtMs } as Identity;
}

type Claimed = [userId: unknown, sessionId: unknown, roles: unknown];

function ownActor({ sub, sid, jti, roles }: jwt.JwtPayload): Claimed {
  if (faultsOf(jtiShape, jti).length > 0) throw new TokenRefused('jti is missing');
  return [sub, sid, Array.isArray(roles) ? [...roles] : roles];
}

/** Its `sid` means nothing here and could be the id of somebody's session. */
function foreignActor({ sub }: jwt.JwtPayload, { userIdPrefix }: Issuer): Claimed {
  if (!sub?.startsWith(userIdPrefix ?? '')) throw new TokenRefused('sub is outside the prefix of its issuer');
  return [sub, NO_SESSION, ['USER']];
}

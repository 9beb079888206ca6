/** What the store showed at last, by the keys that the rules ask for; doubles are kept so that they can be found. */
import type { Claim } from '../../../protocol/claim.ts';
import { requestKeyOf } from '../../../protocol/key.ts';

export class Stored {
  readonly claims: readonly Claim[];
  readonly #byKey: Map<string, Claim[]>;
  readonly #byRequest: Map<string, Claim[]>;
  readonly #bySale: Map<string, Claim[]>;

  constructor(claims: readonly Claim[]) {
    this.claims = claims;
    this.#byKey = grouped(claims, ({ claimKey }) => claimKey);
    this.#byRequest = grouped(claims, ({ userId, requestId }) => requestKeyOf(userId, requestId));
    this.#bySale = grouped(claims, ({ eventKey, period }) => `${eventKey}/${period}`);
  }

  byKey(claimKey: string): Claim | undefined {
    return this.#byKey.get(claimKey)?.[0];
  }

  byRequest(userId: string, requestId: string): Claim | undefined {
    return this.#byRequest.get(requestKeyOf(userId, requestId))?.[0];
  }

  /** Claim keys and request keys that are there more than once. */
  *doubles(): Generator<string> {
    for (const [key, claims] of [...this.#byKey, ...this.#byRequest]) {
      if (claims.length > 1) yield `${key} is stored ${claims.length} times`;
    }
  }

  /** The claims of an event, one list for each period. */
  sales(eventKey: string): Claim[][] {
    return [...this.#bySale].filter(([key]) => key.startsWith(`${eventKey}/`)).map(([, claims]) => claims);
  }
}

/** A claim's fixed part as text: two claims are the same when these are. Delivery goes on after the grant. */
export function textOf(claim: Claim): string {
  const { claimKey, eventKey, period, userId, requestId, grantedAt, configVersion, slot, rewards } = claim;
  const prizes = rewards.map(({ kind, id, amount }) => [kind, id, amount]);
  return JSON.stringify([claimKey, eventKey, period, userId, requestId, grantedAt, configVersion, slot, prizes]);
}

function grouped(claims: readonly Claim[], keyOf: (claim: Claim) => string): Map<string, Claim[]> {
  const groups = new Map<string, Claim[]>();
  for (const claim of claims) {
    const group = groups.get(keyOf(claim));
    if (group === undefined) groups.set(keyOf(claim), [claim]);
    else group.push(claim);
  }
  return groups;
}

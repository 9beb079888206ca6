/** A claim as a line of an archive: the CLAIM of the HTTP interface and the attempt that wrote it. Pure. */
import type { ClaimRecord } from '../store/store.ts';

type Line = Omit<ClaimRecord, 'grantedAt' | 'delivery'> & {
  grantedAt: string;
  delivery: Omit<ClaimRecord['delivery'], 'fulfilledAt'> & { fulfilledAt: string | null };
};

/** Without its line end. Equal claims have equal lines. */
export function lineOf(claim: ClaimRecord): string {
  const { claimKey, eventKey, period, userId, requestId, grantedAt, configVersion, slot, rewards, attempt } = claim;
  const { state, attempts, fulfilledAt } = claim.delivery;
  const line: Line = {
    ...{ claimKey, eventKey, period, userId, requestId },
    grantedAt: iso(grantedAt),
    ...{ configVersion, slot },
    rewards: rewards.map(({ kind, id, amount }) => ({ kind, id, amount })),
    delivery: { state, attempts, fulfilledAt: fulfilledAt === null ? null : iso(fulfilledAt) },
    attempt,
  };
  return JSON.stringify(line);
}

/** Takes what `lineOf` has made. Throws SyntaxError for what is no JSON. */
export function claimOfLine(text: string): ClaimRecord {
  const line = JSON.parse(text) as Line;
  const { fulfilledAt } = line.delivery;
  return {
    ...line,
    grantedAt: Date.parse(line.grantedAt),
    delivery: { ...line.delivery, fulfilledAt: fulfilledAt === null ? null : Date.parse(fulfilledAt) },
  };
}

function iso(time: number): string {
  return new Date(time).toISOString();
}

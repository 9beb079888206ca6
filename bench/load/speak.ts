/** A job's dialect into the requests and replies of its protocol. */
import { batchFrames } from './dialects/batch-frames.ts';
import { claimFrames } from './dialects/claim-frames.ts';
import type { Spoken } from './dialects/dialect.ts';
import { httpClaims } from './dialects/http.ts';
import { inserts } from './dialects/iproto.ts';
import { setCommands } from './dialects/resp.ts';
import type { Job } from './job.ts';
import { signedTokens } from './tokens.ts';

export type Asked = Pick<Job, 'dialect' | 'target' | 'claims' | 'batchClaims' | 'claimsMax'>;

/** Throws for batches of a protocol that has none. */
export function spokenFor({ dialect, target, claims, batchClaims, claimsMax }: Asked): Spoken {
  const count = claimsMax ?? Number.POSITIVE_INFINITY;
  const isFramed = dialect.kind === 'claimd' || dialect.kind === 'framed';
  if (isFramed) return batchClaims > 1 ? batchFrames(claims, batchClaims, count) : claimFrames(claims, count);
  if (batchClaims > 1) throw new Error(`${dialect.kind} has no batches`);
  switch (dialect.kind) {
    case 'resp':
      return setCommands(claims, count);
    case 'iproto':
      return inserts(claims, dialect.spaceId, count);
    case 'http':
      return httpClaims(claims, signedTokens(claims, dialect.signer), { ...target, count });
  }
}

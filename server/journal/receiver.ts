/** Whom an outcome goes to. Calls, not promises, and no object for each claim: this is the hot path. */
import type { Claimed, ClaimOutcome } from '../rules/decide.ts';
import type { Entry } from './entries.ts';

export type ClaimedCode = Claimed['code'];
export type Refusal = Exclude<ClaimOutcome, Claimed>;

/** Each claim is answered exactly once, by one of these, under the number that was handed in with it. Must not throw. */
export type Receiver = {
  /** The claim's item starts at byte `index` of `ring`, whose content holds during the call only. */
  claimed(number: number, code: ClaimedCode, ring: Buffer, index: number, entry: Entry): void;
  refused(number: number, outcome: Refusal): void;
};

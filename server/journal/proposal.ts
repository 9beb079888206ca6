/** A claim that the general way has looked up and proposes: one of the three is called, once. */
import { recordAt } from '../store/block/reader.ts';
import type { ClaimRecord } from '../store/store.ts';
import type { Entry } from './entries.ts';
import type { ClaimedCode, Receiver, Refusal } from './receiver.ts';

export type Proposal = {
  readonly claim: { userId: string; requestId: string; isRequestIdFresh: boolean };
  granted(claim: ClaimRecord): void;
  /** Another claim has the claim key, or the request id. */
  taken(claim: ClaimRecord): void;
  refused(outcome: Refusal): void;
};

export class ProposalReceiver implements Receiver {
  readonly #proposal: Proposal;

  constructor(proposal: Proposal) {
    this.#proposal = proposal;
  }

  claimed(_number: number, code: ClaimedCode, ring: Buffer, index: number, entry: Entry): void {
    // Which attempt it was is in the log; here nobody asks.
    const claim = recordAt(ring, index, entry.series, '');
    if (code === 'GRANTED') this.#proposal.granted(claim);
    else this.#proposal.taken(claim);
  }

  refused(_number: number, outcome: Refusal): void {
    this.#proposal.refused(outcome);
  }
}

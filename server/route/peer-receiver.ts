/** Outcomes of the journal into reply frames of the connection that asked. One object for each connection, none for a claim. */
import type { Entry } from '../journal/entries.ts';
import type { ClaimedCode, Receiver, Refusal } from '../journal/receiver.ts';
import type { Peer } from '../net/peer.ts';
import { type Claimed, type ClaimOutcome, nextClaimAfter } from '../rules/decide.ts';
import { recordAt } from '../store/block/reader.ts';
import { claimReply } from './claim-reply.ts';
import { sendJournalReply } from './journal-reply.ts';

type Options = {
  granted: (claimed: Claimed) => void;
  isHeard: () => boolean;
  onOutcome: (code: ClaimOutcome['code']) => void;
};

export class PeerReceivers {
  readonly #options: Options;
  readonly #byPeer = new WeakMap<Peer, PeerReceiver>();
  /** Frames of one connection come many at a time. */
  #last: PeerReceiver | null = null;

  constructor(options: Options) {
    this.#options = options;
  }

  of(peer: Peer): Receiver {
    if (this.#last?.peer === peer) return this.#last;
    let receiver = this.#byPeer.get(peer);
    if (receiver === undefined) {
      receiver = new PeerReceiver(peer, this.#options);
      this.#byPeer.set(peer, receiver);
    }
    this.#last = receiver;
    return receiver;
  }
}

class PeerReceiver implements Receiver {
  readonly peer: Peer;
  readonly #options: Options;

  constructor(peer: Peer, options: Options) {
    this.peer = peer;
    this.#options = options;
  }

  claimed(number: number, code: ClaimedCode, ring: Buffer, index: number, entry: Entry): void {
    this.#options.onOutcome(code);
    sendJournalReply(this.peer, number, code, ring, index, entry);
    if (code === 'GRANTED' && this.#options.isHeard()) this.#tell(ring, index, entry);
  }

  refused(number: number, outcome: Refusal): void {
    this.#options.onOutcome(outcome.code);
    this.peer.reply(number, claimReply(number, outcome));
  }

  #tell(ring: Buffer, index: number, { series, by }: Entry): void {
    if (by === null) return;
    const claim = recordAt(ring, index, series, '');
    this.#options.granted({ code: 'GRANTED', claim, nextClaimAt: nextClaimAfter(claim, by.event, by.span) });
  }
}

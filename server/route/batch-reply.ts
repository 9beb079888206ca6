/**
 * Collects an outcome for each claim of a batch, from the journal or the general way, and answers once it has them all. A
 * claim that the journal grants leaves four numbers behind, because a batch has thousands of them.
 */
import type { Settled } from '../../protocol/batch.ts';
import { encodeBatch, encodeGrants, type Grants } from '../../protocol/batch-pack.ts';
import { encodeFrame } from '../../protocol/codec.ts';
import { ERRORS } from '../../protocol/errors.ts';
import { KIND } from '../../protocol/frame.ts';
import { OPS } from '../../protocol/ops.ts';
import type { Entry } from '../journal/entries.ts';
import type { ClaimedCode, Receiver, Refusal } from '../journal/receiver.ts';
import type { Peer } from '../net/peer.ts';
import { type ClaimOutcome, nextClaimAfter } from '../rules/decide.ts';
import { CLAIM_AT } from '../store/block/layout.ts';
import { recordAt } from '../store/block/reader.ts';
import type { ClaimRecord } from '../store/store.ts';
import type { Granted } from './claim-route.ts';

type Options = {
  granted: Granted;
  /** Whether anybody hears of grants at all. */
  isHeard: () => boolean;
  onOutcome: (code: ClaimOutcome['code']) => void;
};
type Request = { peer: Peer; number: number; claims: number };

export class BatchReply implements Receiver {
  readonly #request: Request;
  readonly #options: Options;
  /** Of the claims that the journal granted, by place. */
  readonly #entries: (Entry | undefined)[];
  readonly #grants: Grants;
  /** What else became of a claim; empty as long as all are granted. */
  #others: Map<number, ClaimOutcome> | null = null;
  #open: number;

  constructor(request: Request, options: Options) {
    const { claims } = request;
    this.#request = request;
    this.#options = options;
    this.#entries = new Array(claims);
    this.#grants = {
      grantedAt: new Float64Array(claims),
      slots: new Uint32Array(claims),
      series: new Uint16Array(claims),
    };
    this.#open = claims;
  }

  claimed(place: number, code: ClaimedCode, ring: Buffer, index: number, entry: Entry): void {
    this.#options.onOutcome(code);
    if (code === 'GRANTED') {
      this.#entries[place] = entry;
      this.#grants.grantedAt[place] =
        ring.readUInt32BE(index + CLAIM_AT.grantedAt + 1) * 0x1_0000_0000 +
        ring.readUInt32BE(index + CLAIM_AT.grantedAt + 5);
      this.#grants.slots[place] = ring.readUInt32BE(index + CLAIM_AT.slot);
      if (this.#options.isHeard()) this.#tell(recordAt(ring, index, entry.series, ''), entry);
      return this.#close();
    }
    const claim = recordAt(ring, index, entry.series, '');
    this.settle(place, { code, claim, nextClaimAt: nextClaimAt(claim, entry) });
  }

  refused(place: number, outcome: Refusal): void {
    this.#options.onOutcome(outcome.code);
    this.settle(place, outcome);
  }

  settle(place: number, outcome: ClaimOutcome): void {
    this.#others ??= new Map();
    this.#others.set(place, outcome);
    this.#close();
  }

  #tell(claim: ClaimRecord, entry: Entry): void {
    this.#options.granted({ code: 'GRANTED', claim, nextClaimAt: nextClaimAt(claim, entry) });
  }

  #close(): void {
    const { peer, number } = this.#request;
    if (--this.#open > 0 || !peer.isOpen) return;
    const result = this.#others === null ? this.#allGranted() : encodeBatch(this.#outcomes());
    peer.reply(number, encodeFrame(KIND.reply, OPS.CLAIM_BATCH.op, number, [ERRORS.OK.code, result, null]));
  }

  #allGranted() {
    const entries: Entry[] = [];
    const places = this.#grants.series;
    let at = 0;
    for (let i = 0; i < places.length; i++) {
      const entry = this.#entries[i] as Entry;
      // Nearly always the one of the claim before.
      if (entry !== entries[at]) at = entries.indexOf(entry);
      if (at < 0) at = entries.push(entry) - 1;
      places[i] = at;
    }
    const series = entries.map((entry) => ({ ...entry.series, nextClaimAt: nextClaimAt(entry.series, entry) }));
    return encodeGrants(series, this.#grants);
  }

  #outcomes(): Settled[] {
    return Array.from(
      this.#entries,
      (entry, i) => (this.#others?.get(i) as Settled | undefined) ?? this.#granted(i, entry),
    );
  }

  /** Who it was and under which request id is known to whoever sent the batch. */
  #granted(place: number, entry: Entry | undefined): Settled {
    if (entry === undefined) throw new Error(`claim ${place} of a batch has no outcome`);
    const { eventKey, period, configVersion, rewards } = entry.series;
    const slot = this.#grants.slots[place] || null;
    const claim = {
      ...{ claimKey: '', eventKey, period, userId: '', requestId: '', configVersion, slot, rewards },
      grantedAt: this.#grants.grantedAt[place] as number,
      delivery: { state: 'PENDING' as const, attempts: 0, fulfilledAt: null },
    };
    return { code: 'GRANTED', claim, nextClaimAt: nextClaimAt(claim, entry) };
  }
}

function nextClaimAt(claim: { period: string }, { by }: Entry): number | null {
  return by === null ? null : nextClaimAfter(claim, by.config.record ?? by.event, by.span);
}

/**
 * Takes blocks of earlier boots into memory, straight from their bytes: at a start there may be millions of claims, and each
 * as an object of its own would take five times as long. It knows the log's bytes and neither store nor disk.
 */

import type { KeyHash } from '../lib/hash.ts';
import { textEnd, textStart } from '../store/block/claim-text.ts';
import { AT, aligned, CLAIM_AT, ITEM, ITEM_AT, SERIES_AT } from '../store/block/layout.ts';
import type { Block } from '../store/block/reader.ts';
import { seriesOf } from '../store/block/series.ts';
import { Ask } from './ask.ts';
import type { Entries, Entry } from './entries.ts';
import { Grouping } from './grouping.ts';
import type { RequestFilter } from './request-filter.ts';
import type { Requests } from './requests.ts';
import type { Tail } from './tail.ts';
import type { Window } from './windows.ts';

export type ReplayOptions = {
  hash: KeyHash;
  requests: Requests;
  filter: RequestFilter;
  entries: Entries;
  tail: Pick<Tail, 'positionOf'>;
  /** That of an event and period, opened when it is not there. */
  windowOf: (eventKey: string, period: string) => Window;
};

export class Replay {
  readonly #options: ReplayOptions;
  readonly #ask = new Ask();
  readonly #claims = new Grouping<Window>(({ index }, high, low, position) => index.add(high, low, position));
  readonly #requests: Grouping<RequestFilter>;
  /** Of the block at hand, by id. */
  readonly #entries = new Map<number, Entry>();

  constructor(options: ReplayOptions) {
    this.#options = options;
    this.#requests = new Grouping((filter, high, low) => filter.add(high, low));
  }

  /** To be called behind the last block: what was read before may not be known yet. */
  end(): void {
    this.#claims.flush();
    this.#requests.flush();
  }

  /** The block must be one that `readBlock` has accepted. */
  add({ bytes, origin, offset }: Block): void {
    this.#entries.clear();
    for (let at = aligned(AT.origin + origin.length); at < bytes.length; at += bytes.readUInt16BE(at + ITEM_AT.bytes)) {
      const id = bytes.readUInt32BE(at + ITEM_AT.series);
      if (bytes[at + ITEM_AT.type] === ITEM.series) this.#entries.set(id, this.#described(id, bytes, at));
      else this.#claim(id, bytes, at, offset);
    }
  }

  #described(id: number, bytes: Buffer, at: number): Entry {
    const { entries, windowOf } = this.#options;
    const known = entries.byId.get(id);
    const from = at + SERIES_AT.body;
    const body = bytes.subarray(from, from + bytes.readUInt16BE(at + SERIES_AT.bytes));
    // Among blocks that are not projected a number means one thing. What was projected may have used it for another before.
    if (known !== undefined && body.equals(known.body)) return known;
    const series = seriesOf(body);
    return entries.restore(id, series, windowOf(series.eventKey, series.period));
  }

  #claim(id: number, bytes: Buffer, at: number, blockAt: number): void {
    const entry = this.#entries.get(id);
    if (entry === undefined) throw new Error(`a claim of series ${id}, which its block does not describe`);
    const { hash, requests, filter, tail } = this.#options;
    const { window } = entry;
    const offset = blockAt + at;
    const userAt = at + CLAIM_AT.userId;
    const userEnd = textEnd(bytes, userAt);
    hash.ofBytes(bytes, textStart(bytes, userAt), userEnd);
    this.#claims.add(window, hash.high, hash.low, tail.positionOf(offset));
    window.head = offset + 1;
    const slot = bytes.readUInt32BE(at + CLAIM_AT.slot);
    if (slot > 0) window.slotGiven = Math.max(window.slotGiven ?? 0, slot);
    const ask = this.#ask;
    ask.requestBytes = bytes;
    ask.requestAt = userEnd;
    ask.requestEnd = textEnd(bytes, userEnd);
    if (requests.hashFound(ask, hash.high, hash.low)) this.#requests.add(filter, hash.high, hash.low, 0);
  }
}

/**
 * What a protocol is to the load process. Requests of one length are prebuilt: a buffer full of them is made once, and a
 * request costs the writing of its ids and its number, a fraction of a microsecond. So the server and not the generator is
 * what is measured.
 */

export type Requests = {
  /** No request is longer. */
  readonly bytesMax: number;
  /** How many claims there are in all. */
  readonly count: number;
  /** A buffer for so many requests, prefilled where all have one length. */
  room(requests: number): Buffer;
  /**
   * Writes the request whose first claim is `index` at the place that its number of predecessors in `into` gives it, and
   * returns its length; `slot` is its number where the protocol has one.
   */
  write(into: Buffer, at: number, index: number, slot: number): number;
};

export type Answers = {
  /** `outcome` is a code of the error table, or another number below `OUTCOMES_MAX`. */
  counted(outcome: number, claims: number): void;
  /** A request is over; `slot` is IN_ORDER where replies come in the order of the requests. */
  settled(slot: number): void;
};
/** Throws when the peer says something that is no reply. */
export type Replies = (chunk: Buffer, answers: Answers) => void;

export type Spoken = {
  requests: Requests;
  /** One for each connection: it keeps what a chunk has left over. */
  replies(): Replies;
};

export const IN_ORDER = -1;
/** Outcomes are below this. */
export const OUTCOMES_MAX = 1_024;

/** So many copies of request 0, to be written over. */
export function copiesOf(request: Uint8Array, count: number): Buffer {
  const room = Buffer.allocUnsafe(request.length * count);
  for (let at = 0; at < room.length; at += request.length) room.set(request, at);
  return room;
}

/** Length of the whole message that begins at `at`, or 0 when that cannot be said yet. */
type LengthAt = (bytes: Buffer, at: number, end: number) => number;

/** Calls `take` for each whole message, whatever the chunks are. */
export function wholeMessages(
  lengthAt: LengthAt,
  take: (bytes: Buffer, at: number, length: number, answers: Answers) => void,
): Replies {
  let rest: Buffer | null = null;
  return (chunk, answers) => {
    const bytes = rest === null ? chunk : Buffer.concat([rest, chunk]);
    const end = bytes.length;
    let at = 0;
    while (at < end) {
      const length = lengthAt(bytes, at, end);
      if (length === 0 || at + length > end) break;
      take(bytes, at, length, answers);
      at += length;
    }
    rest = at === end ? null : bytes.subarray(at);
  };
}

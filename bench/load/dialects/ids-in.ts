/** The ids of one claim written over those of request 0, wherever a protocol has them. */
import { REQUEST_DIGITS_AT, requestIdOf, scattered, USER_DIGITS_AT, userIdOf, writeDigits } from '../ids.ts';
import type { Claims } from '../job.ts';

const ABSENT = -1;

/** `request` is request 0, with the first event key, and the ids of claim 0 where it has them. */
export function idsIn(request: Buffer, { eventKeys, userTag, requestTag, userCount }: Claims) {
  const eventAt = request.indexOf(eventKeys[0] ?? '');
  const userAt = request.indexOf(userIdOf(0, userTag)) + USER_DIGITS_AT;
  const requestAt = digitsAt(request, requestIdOf(0, requestTag), REQUEST_DIGITS_AT);
  const events = eventKeys.length;
  const keys = Buffer.from(eventKeys.join(''), 'latin1');
  const keyLength = keys.length / events;
  if (eventKeys.some(({ length }) => length !== keyLength)) throw new Error('event keys of one length');
  return (into: Buffer, at: number, index: number): void => {
    if (events > 1) {
      const turn = (userCount === null ? index : Math.floor(index / userCount)) % events;
      keys.copy(into, at + eventAt, turn * keyLength, (turn + 1) * keyLength);
    }
    writeDigits(into, at + userAt, scattered(userCount === null ? index : index % userCount));
    if (requestAt !== ABSENT) writeDigits(into, at + requestAt, scattered(index));
  };
}

function digitsAt(request: Buffer, id: string, digits: number): number {
  const at = request.indexOf(id);
  return at === -1 ? ABSENT : at + digits;
}

/** `SET claimKey requestId NX` in Redis's protocol: the claim key is the key, the request id the value. */
import { ERRORS } from '../../../protocol/errors.ts';
import { claimKeyOf } from '../../../protocol/key.ts';
import { requestIdOf, userIdOf } from '../ids.ts';
import type { Claims } from '../job.ts';
import { copiesOf, IN_ORDER, type Replies, type Spoken } from './dialect.ts';
import { idsIn } from './ids-in.ts';

/** Period of events that may be claimed once. */
export const ONCE = '-';

const GRANTED = ERRORS.GRANTED.code;
const ALREADY_CLAIMED = ERRORS.ALREADY_CLAIMED.code;
const PLUS = 0x2b;
const DOLLAR = 0x24;
const LF = 0x0a;

export function setCommands(claims: Claims, count: number): Spoken {
  const [eventKey] = claims.eventKeys as [string];
  const key = claimKeyOf(eventKey, ONCE, userIdOf(0, claims.userTag));
  const words = ['SET', key, requestIdOf(0, claims.requestTag), 'NX'];
  const command = Buffer.from(`*${words.length}\r\n${words.map((word) => `$${word.length}\r\n${word}\r\n`).join('')}`);
  const writeIds = idsIn(command, claims);
  const bytesMax = command.length;
  const write = (into: Buffer, at: number, index: number) => {
    writeIds(into, at, index);
    return bytesMax;
  };
  return {
    requests: { bytesMax, count, room: (requests) => copiesOf(command, requests), write },
    replies: statusLines,
  };
}

/** `+OK` for a key that was set, `$-1` for one that was there. */
function statusLines(): Replies {
  let first = 0;
  return (chunk, answers) => {
    for (let at = 0; at < chunk.length; at++) {
      const byte = chunk[at] as number;
      if (first === 0) first = byte;
      if (byte !== LF) continue;
      if (first !== PLUS && first !== DOLLAR) throw new Error(`redis answered ${chunk.toString('latin1')}`);
      answers.counted(first === PLUS ? GRANTED : ALREADY_CLAIMED, 1);
      answers.settled(IN_ORDER);
      first = 0;
    }
  };
}

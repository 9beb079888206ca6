import { assert, suite } from '../../protocol/testing/kit.ts';
import type { State } from './life.ts';
import { NET_LIMITS } from './limits.ts';
import { verdictOf } from './patience.ts';

const test = suite('patience');

// Milliseconds; earlier rows of a block win over later ones.
const TABLE = `
  state     | inState | silent | pinged | midFrame | slow  | read | verdict
  CONNECTED | 2999    | 0      | never  | -        | -     | yes  | WAIT
  CONNECTED | 3000    | 0      | never  | -        | -     | yes  | HANDSHAKE_TIMEOUT
  CONNECTED | 3000    | 50000  | never  | 6000     | -     | yes  | HANDSHAKE_TIMEOUT
  READY     | 99999   | 0      | never  | -        | -     | yes  | WAIT
  READY     | 99999   | 14999  | never  | -        | -     | yes  | WAIT
  READY     | 99999   | 15000  | never  | -        | -     | yes  | PING
  READY     | 99999   | 29999  | 14999  | -        | -     | yes  | WAIT
  READY     | 99999   | 30000  | 15000  | -        | -     | yes  | PING
  READY     | 99999   | 0      | 99999  | -        | -     | yes  | WAIT
  READY     | 99999   | 39999  | 9999   | -        | -     | yes  | WAIT
  READY     | 99999   | 40000  | 10000  | -        | -     | yes  | IDLE_TIMEOUT
  READY     | 99999   | 0      | never  | 4999     | -     | yes  | WAIT
  READY     | 99999   | 0      | never  | 5000     | -     | yes  | FRAME_TIMEOUT
  READY     | 99999   | 40000  | 10000  | 5000     | -     | yes  | FRAME_TIMEOUT
  READY     | 99999   | 50000  | never  | 50000    | -     | no   | WAIT
  READY     | 99999   | 50000  | never  | 50000    | 9999  | no   | WAIT
  READY     | 99999   | 0      | never  | -        | 10000 | no   | SLOW_READER
  DRAINING  | 99999   | 40000  | 10000  | -        | -     | yes  | IDLE_TIMEOUT
  DRAINING  | 99999   | 0      | never  | 5000     | -     | yes  | FRAME_TIMEOUT
  CLOSED    | 999     | 99999  | never  | 99999    | 99999 | yes  | WAIT
  CLOSED    | 1000    | 0      | never  | -        | -     | yes  | DESTROY
`;

const [, ...rows] = TABLE.trim()
  .split('\n')
  .map((line) => line.split('|').map((cell) => cell.trim()));

for (const [state, inState, silent, pinged, midFrame, slow, read, verdict] of rows) {
  test(`${state} ${inState} ${silent} ${pinged} ${midFrame} ${slow} ${read}: ${verdict}`, () => {
    const waited = {
      state: state as State,
      inStateMs: Number(inState),
      silentMs: Number(silent),
      pingedMs: pinged === 'never' ? Number.POSITIVE_INFINITY : Number(pinged),
      midFrameMs: midFrame === '-' ? null : Number(midFrame),
      slowMs: slow === '-' ? null : Number(slow),
      isRead: read === 'yes',
    };
    assert.is(verdictOf(waited, NET_LIMITS), verdict);
  });
}

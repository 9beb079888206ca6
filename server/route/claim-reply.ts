/**
 * Outcomes of CLAIM into reply frames. A claim that is answered again and again is encoded once: its bytes are kept for
 * as long as the claim is in memory, and only the code and the request number differ from reply to reply.
 */
import { encodeClaim } from '../../protocol/claim.ts';
import { encodeBody, encodeFrame, frameAround } from '../../protocol/codec.ts';
import { ERRORS } from '../../protocol/errors.ts';
import { KIND, PREFIX_BYTES } from '../../protocol/frame.ts';
import { OPS } from '../../protocol/ops.ts';
import { encodeProblem } from '../../protocol/reply.ts';
import type { Claimed, ClaimOutcome } from '../rules/decide.ts';
import type { ClaimRecord } from '../store/store.ts';

const OP = OPS.CLAIM.op;
/** The body is `[code, claim, nil]`: one byte of array head, then the code, which is below 128 and so one byte as well. */
const CODE_AT = PREFIX_BYTES + 1;

type Encoded = { nextClaimAt: number | null; body: Uint8Array };
const encodedByClaim = new WeakMap<ClaimRecord, Encoded>();

export function claimReply(number: number, outcome: ClaimOutcome): Uint8Array {
  if (!('claim' in outcome)) return encodeFrame(KIND.reply, OP, number, encodeProblem(outcome));
  const { code } = ERRORS[outcome.code];
  // Most grants are never asked about again, so only what is asked a second time is kept.
  if (outcome.code === 'GRANTED') return encodeFrame(KIND.reply, OP, number, bodyOf(outcome, code));
  const frame = frameAround(KIND.reply, OP, number, encodedOf(outcome, code));
  frame[CODE_AT] = code;
  return frame;
}

function encodedOf(outcome: Claimed, code: number): Uint8Array {
  const known = encodedByClaim.get(outcome.claim);
  if (known !== undefined && known.nextClaimAt === outcome.nextClaimAt) return known.body;
  // A copy of its own: a slice would keep the encoder's whole buffer alive.
  const body = encodeBody(bodyOf(outcome, code)).slice();
  encodedByClaim.set(outcome.claim, { nextClaimAt: outcome.nextClaimAt, body });
  return body;
}

function bodyOf({ claim, nextClaimAt }: Claimed, code: number) {
  return [code, encodeClaim(claim, nextClaimAt), null];
}

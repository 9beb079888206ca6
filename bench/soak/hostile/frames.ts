/** Bytes that an attacker sends: right frames to hide behind, and wrong ones. */
import { encodeFrame } from '../../../protocol/codec.ts';
import { KIND, PREFIX_BYTES, writePrefix } from '../../../protocol/frame.ts';
import { OPS } from '../../../protocol/ops.ts';

/** A whole frame of any bytes. */
export function frameOf(body: Uint8Array, { kind = KIND.request, op = OPS.CLAIM.op, number = 7 } = {}): Uint8Array {
  const frame = new Uint8Array(PREFIX_BYTES + body.length);
  frame.set(body, PREFIX_BYTES);
  writePrefix(frame, kind as 1 | 2 | 3, op, number);
  return frame;
}

/** The same with one byte of its header changed. */
export function withByte(at: number, value: number): Uint8Array {
  const frame = claimFrame(7);
  frame[at] = value;
  return frame;
}

/** Four bytes that announce a frame of this length. */
export function lengthOf(bytes: number): Uint8Array {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes);
  return length;
}

export function claimFrame(number: number, userId = 'hostile'): Uint8Array {
  return encodeFrame(KIND.request, OPS.CLAIM.op, number, [null, 'open', userId, `of-${userId}`, null]);
}

export function listFrame(number: number): Uint8Array {
  return encodeFrame(KIND.request, OPS.CLAIMS_LIST.op, number, [null, 'open', null, null, null, 200, null]);
}

/** `depth` arrays of one element each. */
export function nested(depth: number): Uint8Array {
  return Buffer.alloc(depth, 0x91);
}

/** A claim's arguments with one MessagePack value in the place of the deadline. */
export function claimWith(...deadline: readonly number[]): Uint8Array {
  const rest = encodeFrame(KIND.request, OPS.CLAIM.op, 7, [null, 'open', 'hostile', 'hostile', null]).slice(0, -1);
  return frameOf(Buffer.concat([rest.subarray(PREFIX_BYTES), Buffer.from(deadline)]));
}

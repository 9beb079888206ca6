/** The frames that a connection says by itself after the handshake. */
import { encodeFrame } from '../../protocol/codec.ts';
import { ERRORS } from '../../protocol/errors.ts';
import { type Frame, KIND, writePrefix } from '../../protocol/frame.ts';
import { OPS } from '../../protocol/ops.ts';
import { encodeProblem, type Problem } from '../../protocol/reply.ts';
import type { PinnedReason } from './life.ts';

const pong = encodeFrame(KIND.reply, OPS.PING.op, 0, [ERRORS.OK.code, null, null]);

/** The answer to a peer's PING. */
export function pongFrame(number: number): Uint8Array {
  const frame = pong.slice();
  writePrefix(frame, KIND.reply, OPS.PING.op, number);
  return frame;
}

export function pingFrame(number: number): Uint8Array {
  return encodeFrame(KIND.request, OPS.PING.op, number, []);
}

export function goAwayFrame(): Uint8Array {
  return encodeFrame(KIND.notice, OPS.GOAWAY.op, 0, [ERRORS.SHUTDOWN.code]);
}

export function closeFrame(reason: PinnedReason, detail: string): Uint8Array {
  return encodeFrame(KIND.notice, OPS.CLOSE.op, 0, [ERRORS[reason].code, detail.slice(0, 512)]);
}

export function problemFrame({ op, number }: Pick<Frame, 'op' | 'number'>, problem: Problem): Uint8Array {
  return encodeFrame(KIND.reply, op, number, encodeProblem(problem));
}

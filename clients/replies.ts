/** Reply frames into replies: a server is not trusted more than any other peer. */
import { decodeBody } from '../protocol/codec.ts';
import type { RequestName } from '../protocol/ops.ts';
import { decodeReply, isSuccess, type Reply, ReplyRefused, read } from '../protocol/reply.ts';
import { RESULTS } from '../protocol/results.ts';
import type { Shape } from '../protocol/shape.ts';

/** The reply to a request of that name; a success carries a result of the op's shape. Throws BodyRefused or ReplyRefused. */
export function readReply(name: RequestName, body: Uint8Array): Reply {
  const reply = decodeReply(decodeBody(body));
  if (!isSuccess(reply)) return reply;
  if ((name === 'CLAIM') === (reply.code === 'OK')) throw new ReplyRefused(`${reply.code} does not answer ${name}`);
  read<unknown>(RESULTS[name] as Shape<unknown>, reply.result);
  return reply;
}

/** Reply frames into replies: a server is not trusted more than any other peer. */
import { type BatchTuple, checkBatch } from '../protocol/batch.ts';
import { decodeBody } from '../protocol/codec.ts';
import type { RequestName } from '../protocol/ops.ts';
import { decodeReply, isSuccess, type Reply, ReplyRefused, read } from '../protocol/reply.ts';
import { RESULTS } from '../protocol/results.ts';
import type { Shape } from '../protocol/shape.ts';

/**
 * The reply to a request of that name for so many claims; a success carries a result of the op's shape, and a batch's has
 * an entry for each. Throws BodyRefused or ReplyRefused.
 */
export function readReply({ name, claims }: { name: RequestName; claims: number }, body: Uint8Array): Reply {
  const reply = decodeReply(decodeBody(body));
  if (!isSuccess(reply)) return reply;
  if ((name === 'CLAIM') === (reply.code === 'OK')) throw new ReplyRefused(`${reply.code} does not answer ${name}`);
  read<unknown>(RESULTS[name] as Shape<unknown>, reply.result);
  if (name === 'CLAIM_BATCH') checkBatch(reply.result as BatchTuple, claims);
  return reply;
}

/** What servers say unasked to a connection that has subscribed, checked before anybody sees it. */
import { decodeBody } from '../protocol/codec.ts';
import { type Args, OPS, type OpName } from '../protocol/ops.ts';
import { read } from '../protocol/reply.ts';

const TOLD = ['EVENT_CHANGED', 'CLAIM_GRANTED', 'REVOKED'] as const satisfies readonly OpName[];
export type NoticeName = (typeof TOLD)[number];
/** `server` is the address it came from. */
export type Notice = { [K in NoticeName]: { server: string; name: K; args: Args<K> } }[NoticeName];

export function isTold(name: OpName | undefined): name is NoticeName {
  return TOLD.includes(name as NoticeName);
}

/** Throws BodyRefused and ReplyRefused. */
export function readNotice(server: string, name: NoticeName, body: Uint8Array): Notice {
  return { server, name, args: read<unknown>(OPS[name].args, decodeBody(body)) } as Notice;
}

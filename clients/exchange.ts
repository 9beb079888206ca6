/** One request as a connection sees it: what goes out, and the three ways in which it ends there. */
import type { Value } from '../protocol/codec.ts';
import type { RequestName } from '../protocol/ops.ts';
import type { Reply } from '../protocol/reply.ts';
import type { Closing } from './closing.ts';

export type Exchange = {
  readonly name: RequestName;
  /** Claims it asks for, which count against what the server has agreed to; the same from `send` to its end. */
  readonly claims: number;
  /** Nobody waits any more: it is not sent, or its reply is dropped. */
  readonly isOver: boolean;
  /** The body of this attempt; asked once, right before it is encoded. */
  body(): readonly Value[];
  answered(reply: Reply): void;
  /** It was sent, and its connection ended before the reply: whether it was carried out is not known. */
  lost(closing: Closing): void;
  /** Its connection ended before a byte of it was sent. */
  unsent(closing: Closing): void;
};

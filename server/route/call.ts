/** What a handler is given and what it may answer. Handlers know neither frames nor sockets. */
import type { Value } from '../../protocol/codec.ts';
import type { Args, RequestName } from '../../protocol/ops.ts';
import type { Problem } from '../../protocol/reply.ts';
import type { Doer } from '../accounts/audit.ts';
import type { Peer } from '../net/peer.ts';
import type { Reach } from '../session/permissions.ts';
import { nameOf, type Principal } from '../session/principal.ts';

export type Call<K extends RequestName> = {
  args: Args<K>;
  /** The connection that the request came on, for ops that are about it. */
  peer: Peer;
  principal: Principal;
  /** `own`: the principal may only act on itself. */
  reach: Exclude<Reach, 'none'>;
};

export type Answer = { result: Value } | Problem;
export type Handler<K extends RequestName> = (call: Call<K>) => Answer | Promise<Answer>;

export function isProblem<T extends object>(answer: T | Problem): answer is Problem {
  return 'code' in answer;
}

export function badField(field: string, rule: string): Problem {
  return { code: 'BAD_REQUEST', faults: [{ field, rule }] };
}

/**
 * Whom a request is about. A user is themselves unless they may act on anybody and name one; a service must name one.
 * Who claims is never taken from a body a user wrote.
 */
export function subjectOf(principal: Principal, reach: Reach, named: string | null): { userId: string } | Problem {
  if (principal.kind === 'service') return named === null ? badField('userId', 'required') : { userId: named };
  if (named === null || named === principal.userId) return { userId: principal.userId };
  return reach === 'any' ? { userId: named } : { code: 'FORBIDDEN' };
}

/** Whom the audit log names. Before anybody is signed in the edge says the address apart. */
export function doerOf(principal: Principal, from: string | null = null): Doer {
  return { name: nameOf(principal), from: principal.kind === 'user' ? principal.from : from };
}

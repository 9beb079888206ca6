/**
 * What every route is handed: the connection to the claim servers and the edge's own small state. `ask` is the only way
 * from a route to the protocol, so that every request has a deadline and every result is checked.
 */

import type { CallOptions } from '../clients/call.ts';
import type { CallName, Client } from '../clients/client.ts';
import type { RequestIds } from '../clients/request-ids.ts';
import type { Args } from '../protocol/ops.ts';
import { isSuccess } from '../protocol/reply.ts';
import type { Result } from '../protocol/results.ts';
import type { Runtime } from '../protocol/runtime.ts';
import type { Callers } from './caller.ts';
import type { ClaimRate } from './claim-rate.ts';
import type { TokenKeys } from './keys.ts';
import type { EdgeLimits } from './limits.ts';
import type { EdgeMetrics } from './metrics.ts';
import { Refusal } from './refusal.ts';
import type { Revocations } from './revocations.ts';
import type { ServerTime } from './server-time.ts';
import type { Tokens } from './tokens.ts';
import type { Uploads } from './uploads.ts';

/** It answers within `deadlineMs` whatever happens to the servers, and has checked the result of every success. */
export type EdgeClient = Pick<Client, 'request' | 'isReady' | 'listen'>;

/** Fields first, then a sentence; a pino logger is one. */
export type EdgeLog = {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
};

export type Context = {
  readonly client: EdgeClient;
  readonly runtime: Runtime;
  readonly time: ServerTime;
  readonly log: EdgeLog;
  readonly limits: EdgeLimits;
  readonly keys: TokenKeys;
  readonly tokens: Tokens;
  readonly revocations: Revocations;
  readonly callers: Callers;
  readonly claimRate: ClaimRate;
  /** For claims whose caller chose none. */
  readonly requestIds: RequestIds;
  readonly uploads: Uploads;
  readonly metrics: EdgeMetrics;
  isDraining: boolean;
};

/**
 * How long one answer is waited for. While no server is connected that is short: the caller is told so at once rather
 * than at the end of a deadline that was meant for a busy server.
 */
export function patienceMs({ client, limits }: Pick<Context, 'client' | 'limits'>): number {
  return client.isReady ? limits.deadlineMs : limits.reconnectMs;
}

/** The result of an op. Throws a Refusal with whatever else the server answered. */
export async function ask<K extends CallName>(
  context: Pick<Context, 'client' | 'limits'>,
  op: K,
  args: Args<K>,
  options: CallOptions = {},
): Promise<Result<K>> {
  const reply = await context.client.request(op, args, { deadlineMs: patienceMs(context), ...options });
  if (!isSuccess(reply)) throw new Refusal(reply);
  return reply.result as Result<K>;
}

/** The door of the client: everything a program that talks to claimd needs, and nothing else. */
export type { ClaimView, Reward } from '../protocol/claim.ts';
export { ERRORS, type ErrorName } from '../protocol/errors.ts';
export type { EventInput, EventPatch, EventView } from '../protocol/event.ts';
export type { BlockView } from '../protocol/journal.ts';
export type { Mode, ModeEntry } from '../protocol/mode.ts';
export type { Actor, Args, RequestName } from '../protocol/ops.ts';
export { isSuccess, type Problem, type ProblemCode, type Reply } from '../protocol/reply.ts';
export type { Result } from '../protocol/results.ts';
export type { Runtime } from '../protocol/runtime.ts';
export type { Answer, ClaimReply, Page } from './answers.ts';
export type { Batching } from './batcher.ts';
export type { CallOptions, RetryPolicy } from './call.ts';
export { type CallName, type ClaimBatchRequest, type ClaimRequest, Client, connect } from './client.ts';
export type { Closing, ClosingReason, ConnectionChange } from './closing.ts';
export { type ClaimJson, claimJson, type ProblemJson, problemJson } from './json.ts';
export type { Notice, NoticeName } from './notices.ts';
export { type ClientOptions, OptionRefused, type TlsOptions } from './options.ts';
export { ConnectFailed, type Listener, type PoolStatus } from './pool.ts';

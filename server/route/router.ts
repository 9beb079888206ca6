/**
 * Frames into permitted requests, outcomes into reply frames. The op table is the object `handlers`: each key is the
 * name of an op in the protocol, and the compiler refuses a table that misses one. Whatever a peer sends is answered
 * with a code; nothing it sends may throw out of here.
 */
import { decodeBody, encodeFrame, type Value } from '../../protocol/codec.ts';
import { ERRORS } from '../../protocol/errors.ts';
import { type Frame, type FrameInPlace, KIND } from '../../protocol/frame.ts';
import { type Actor, type Args, actorShape, OPS, opName, type RequestName } from '../../protocol/ops.ts';
import { encodeProblem, type Problem } from '../../protocol/reply.ts';
import { BodyRefused } from '../../protocol/scan.ts';
import { type Fault, faultsOf, type TypeOf } from '../../protocol/shape.ts';
import type { Log } from '../lib/log.ts';
import type { Peer, RequestHandler } from '../net/peer.ts';
import type { Admitted, Gate } from '../session/gate.ts';
import { type Principal, principalOf } from '../session/principal.ts';
import { StoreUnavailable } from '../store/store.ts';
import type { AccountHandlers } from './account-handlers.ts';
import type { AdminHandlers } from './admin-handlers.ts';
import type { BatchRoute } from './batch-route.ts';
import { type Answer, badField, type Call, isProblem } from './call.ts';
import type { ClaimHandlers } from './claim-handlers.ts';
import type { ClaimRoute } from './claim-route.ts';
import type { EventHandlers } from './event-handlers.ts';
import type { JournalHandlers } from './journal-handlers.ts';
import type { NodeHandlers } from './node-handlers.ts';
import type { NoticeHandlers } from './notice-handlers.ts';
import type { QualificationHandlers } from './qualification-handlers.ts';
import type { UpkeepHandlers } from './upkeep-handlers.ts';

const STORE_RETRY_MS = 500;

/** HELLO and PING belong to the connection and never come here; claims are answered through the lock queue. */
export type Handlers = ClaimHandlers &
  EventHandlers &
  QualificationHandlers &
  NodeHandlers &
  AccountHandlers &
  AdminHandlers &
  JournalHandlers &
  UpkeepHandlers &
  NoticeHandlers;
type HandledName = Exclude<RequestName, 'HELLO' | 'PING' | 'CLAIM' | 'CLAIM_BATCH'>;
type AnyHandler = (call: Call<HandledName>) => Answer | Promise<Answer>;

export type RouterOptions = {
  claim: ClaimRoute;
  batch: BatchRoute;
  gate: Gate;
  handlers: Handlers & Record<HandledName, unknown>;
  isFull: () => boolean;
  log: Log;
};

export function createRouter({ claim, batch, gate, handlers, isFull, log }: RouterOptions): RequestHandler {
  /** Who asks and whether they may is settled before anything they wrote is judged. */
  function request(peer: Peer, frame: Frame): void {
    const asked = askedBy(peer, frame);
    if (isProblem(asked)) return sendProblem(peer, frame, asked);
    const verdict = gate.judge(asked.principal, asked.name);
    if (verdict instanceof Promise) void awaited(peer, frame, asked, verdict);
    else proceed(peer, frame, asked, verdict);
  }

  async function awaited(peer: Peer, frame: Frame, asked: Asked, verdict: Promise<Verdict>): Promise<void> {
    const settled = await verdict.catch((error: unknown) => problemOf(error, asked.name));
    proceed(peer, frame, asked, settled);
  }

  function proceed(peer: Peer, frame: Frame, { name, args }: Asked, verdict: Verdict): void {
    if (isProblem(verdict)) return sendProblem(peer, frame, verdict);
    const faults = faultsOf(OPS[name].args, args);
    if (faults.length > 0) return sendProblem(peer, frame, { code: 'BAD_REQUEST', faults });
    const call: NamedCall = { name, args: args as Args<RequestName>, peer, ...verdict };
    if (call.name === 'CLAIM_BATCH') return batch.take(frame.number, call as unknown as Call<'CLAIM_BATCH'>);
    if (call.name !== 'CLAIM') return void handle(peer, frame, call);
    const problem = claim.takeCall(peer, frame.number, call as unknown as Call<'CLAIM'>);
    if (problem !== null) sendProblem(peer, frame, problem);
  }

  async function handle(peer: Peer, frame: Frame, call: NamedCall): Promise<void> {
    const handler = handlers[call.name as HandledName] as AnyHandler;
    let answer: Answer;
    try {
      answer = await handler(call as Call<HandledName>);
    } catch (error) {
      answer = problemOf(error, call.name);
    }
    if (isProblem(answer)) sendProblem(peer, frame, answer);
    else send(peer, frame, [ERRORS.OK.code, answer.result, null]);
  }

  function problemOf(error: unknown, name: RequestName): Problem {
    if (error instanceof StoreUnavailable) return { code: 'STORE_UNAVAILABLE', retryAfterMs: STORE_RETRY_MS };
    log.error({ op: name, err: error }, 'a request met a fault of the server');
    return { code: 'INTERNAL' };
  }

  function take(peer: Peer, frame: FrameInPlace): boolean {
    if (frame.op === OPS.CLAIM.op) return claim.takeBody(peer, frame);
    return frame.op === OPS.CLAIM_BATCH.op && batch.takeBody(peer, frame);
  }

  return { foresee: claim.foresee, take, request, isFull };
}

type NamedCall = Call<RequestName> & { name: RequestName };
type Verdict = Admitted | Problem;
type Asked = { name: RequestName; args: unknown[]; principal: Principal };

function askedBy(peer: Peer, { kind, op, body }: Frame): Asked | Problem {
  const name = opName(op) as RequestName | undefined;
  if (kind !== KIND.request || name === undefined || OPS[name].kind !== 'request') return { code: 'OP_UNKNOWN' };
  const args = arrayOf(body);
  if (isProblem(args)) return args;
  const actor = actorOf(args);
  if (actor !== null && isProblem(actor)) return actor;
  const principal = principalOf(peer.service, actor);
  if (principal === 'FORBIDDEN') return { code: 'FORBIDDEN', detail: 'only an edge may act for users' };
  return { name, args, principal };
}

function arrayOf(body: Uint8Array): unknown[] | Problem {
  try {
    const args = decodeBody(body);
    return Array.isArray(args) ? args : badField('body', 'array');
  } catch (error) {
    if (error instanceof BodyRefused) return badField('body', error.rule);
    throw error;
  }
}

function actorOf([actor = null]: unknown[]): Actor | null | Problem {
  if (actor === null) return null;
  const faults: Fault[] = [];
  actorShape.check(actor, 'actor', faults);
  if (faults.length > 0) return { code: 'BAD_REQUEST', faults };
  const [userId, sessionId, roles, issuedAt, from] = actor as TypeOf<typeof actorShape>;
  return { userId, sessionId, roles, issuedAt, from };
}

function sendProblem(peer: Peer, frame: Frame, problem: Problem): void {
  send(peer, frame, encodeProblem(problem));
}

function send(peer: Peer, { op, number }: Frame, body: Value[]): void {
  peer.reply(number, encodeFrame(KIND.reply, op, number, body));
}

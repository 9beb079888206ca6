/**
 * The body of every reply: `[code, result, detail]`. With OK, GRANTED and REPLAYED the result is the op's own; with any
 * other code it is what that outcome carries, below. `detail` is a sentence for people or null; programs never read it.
 */
import { type ClaimView, claimTuple, decodeClaim, encodeClaim } from './claim.ts';
import { type Value, wide } from './codec.ts';
import { ERRORS, type ErrorName, errorName } from './errors.ts';
import {
  type Fault,
  faultsOf,
  integer,
  list,
  nullable,
  positionalAtLeast,
  type Shape,
  type TypeOf,
  text,
} from './shape.ts';

export type Window = { serverTime: number; startsAt: number; endsAt: number | null };

const WINDOW_CODES = ['NOT_STARTED', 'ENDED', 'PAUSED', 'SOLD_OUT'] as const;
const LATER_CODES = [
  'IN_PROGRESS',
  'RATE_LIMITED',
  'BUSY',
  'DRAINING',
  'STORE_UNAVAILABLE',
  'GUARD_MISSING',
  'SERVER_UNAVAILABLE',
] as const;
type Windowed = (typeof WINDOW_CODES)[number];
type RetriedLater = (typeof LATER_CODES)[number];

/** An outcome that is not a success, with exactly what it carries. */
export type Problem = { detail?: string | undefined } & (
  | { code: 'ALREADY_CLAIMED'; claim: ClaimView }
  | { code: Windowed; window: Window }
  | { code: 'NOT_ELIGIBLE'; reasons: string[] }
  | { code: RetriedLater; retryAfterMs: number }
  | { code: 'MOVED'; address: string; mapVersion: number }
  | { code: 'BAD_REQUEST'; faults: Fault[] }
  | { code: Bare }
);

export type Bare = Exclude<
  ErrorName,
  SuccessCode | Windowed | RetriedLater | 'ALREADY_CLAIMED' | 'NOT_ELIGIBLE' | 'MOVED' | 'BAD_REQUEST'
>;
export type ProblemCode = Problem['code'];
export type SuccessCode = 'OK' | 'GRANTED' | 'REPLAYED';

const WINDOWED: ReadonlySet<string> = new Set(WINDOW_CODES);
const RETRIED_LATER: ReadonlySet<string> = new Set(LATER_CODES);
const SENTENCE_LENGTH_MAX = 512;
const LIST_LENGTH_MAX = 64;
const RETRY_AFTER_MS_MAX = 86_400_000;

const time = integer({ min: 0, max: 8_640_000_000_000_000 });
const shortText = text({ lengthMax: SENTENCE_LENGTH_MAX });
const windowTuple = positionalAtLeast(['serverTime', time], ['startsAt', time], ['endsAt', nullable(time)]);
const retryTuple = integer({ min: 0, max: RETRY_AFTER_MS_MAX });
const movedTuple = positionalAtLeast(
  ['address', shortText],
  ['mapVersion', integer({ min: 0, max: Number.MAX_SAFE_INTEGER })],
);
const reasonsTuple = list(shortText, { lengthMax: LIST_LENGTH_MAX });
const faultsTuple = list(positionalAtLeast(['field', shortText], ['rule', shortText]), { lengthMax: LIST_LENGTH_MAX });

export function encodeProblem(problem: Problem): Value[] {
  return [ERRORS[problem.code].code, carried(problem), problem.detail === undefined ? null : clip(problem.detail)];
}

function carried(problem: Problem): Value {
  if ('claim' in problem) return encodeClaim(problem.claim, problem.claim.nextClaimAt);
  if ('window' in problem) {
    const { serverTime, startsAt, endsAt } = problem.window;
    return [wide(serverTime), wide(startsAt), endsAt === null ? null : wide(endsAt)];
  }
  if ('reasons' in problem) return problem.reasons.slice(0, LIST_LENGTH_MAX).map(clip);
  if ('retryAfterMs' in problem) {
    return Math.min(Math.max(Math.ceil(problem.retryAfterMs), 0), RETRY_AFTER_MS_MAX);
  }
  if ('address' in problem) return [problem.address, wide(problem.mapVersion)];
  if ('faults' in problem) {
    return problem.faults.slice(0, LIST_LENGTH_MAX).map(({ field, rule }) => [clip(field), clip(rule)]);
  }
  return null;
}

/** At most 512 UTF-16 units of a sentence that may hold what a stranger sent; never half a surrogate pair. */
export function clip(sentence: string): string {
  return sentence.slice(0, SENTENCE_LENGTH_MAX).replace(/^\ufeff|\p{Surrogate}/gu, '\ufffd');
}

/** The peer sent a reply that is not one. */
export class ReplyRefused extends Error {
  constructor(detail: string) {
    super(`malformed reply: ${detail}`);
    this.name = 'ReplyRefused';
  }
}

export type Reply = { code: SuccessCode; result: unknown } | Problem;

export function isSuccess(reply: Reply): reply is { code: SuccessCode; result: unknown } {
  return reply.code === 'OK' || reply.code === 'GRANTED' || reply.code === 'REPLAYED';
}

/** Throws ReplyRefused. Fields that a later version appended are ignored. A code of a later version reads as INTERNAL. */
export function decodeReply(body: unknown): Reply {
  if (!Array.isArray(body) || body.length < 1) throw new ReplyRefused('not an array');
  const [codeNumber, result = null, detailValue = null] = body;
  const code = typeof codeNumber === 'number' ? (errorName(codeNumber) ?? 'INTERNAL') : undefined;
  if (code === undefined) throw new ReplyRefused('no code');
  const detail = typeof detailValue === 'string' ? detailValue : undefined;
  if (code === 'OK' || code === 'GRANTED' || code === 'REPLAYED') return { code, result };
  if (code === 'ALREADY_CLAIMED') return { code, detail, claim: readClaim(result) };
  if (WINDOWED.has(code)) {
    const [serverTime, startsAt, endsAt] = read(windowTuple, result);
    return { code, detail, window: { serverTime, startsAt, endsAt } } as Problem;
  }
  if (code === 'NOT_ELIGIBLE') return { code, detail, reasons: read(reasonsTuple, result) };
  if (RETRIED_LATER.has(code)) return { code, detail, retryAfterMs: read(retryTuple, result) } as Problem;
  if (code === 'MOVED') {
    const [address, mapVersion] = read(movedTuple, result);
    return { code, detail, address, mapVersion };
  }
  if (code === 'BAD_REQUEST') {
    return { code, detail, faults: read(faultsTuple, result).map(([field, rule]) => ({ field, rule })) };
  }
  return { code, detail } as Problem;
}

/** A claim from the result of a reply. Throws ReplyRefused. */
export function readClaim(value: unknown): ClaimView {
  return decodeClaim(read(claimTuple, value));
}

/** A value that must have a shape. Throws ReplyRefused. */
export function read<T>(shape: Shape<T>, value: unknown): T {
  const [fault] = faultsOf(shape, value);
  if (fault !== undefined) throw new ReplyRefused(`${fault.field || 'result'}: ${fault.rule}`);
  return value as T;
}

export type ClaimTuple = TypeOf<typeof claimTuple>;

/**
 * Bodies of a few named fields. Where the server says who may, it is asked before anything that was written is judged
 * aloud: a stranger to a route learns nothing about its fields.
 */
import type { FastifyRequest } from 'fastify';
import type { CallOptions } from '../clients/call.ts';
import type { CallName } from '../clients/client.ts';
import type { Args } from '../protocol/ops.ts';
import { isSuccess } from '../protocol/reply.ts';
import type { Result } from '../protocol/results.ts';
import { sendable } from '../protocol/sendable.ts';
import { faultsOf, record, type Shape, type TypeOf } from '../protocol/shape.ts';
import { ask, type Context, patienceMs } from './context.ts';
import { badRequest, checked, Refusal } from './refusal.ts';

type Fields = Record<string, Shape<unknown>>;
type BodyOf<F extends Fields> = { [K in keyof F]: TypeOf<F[K]> };

/** What no field accepts. */
const BLANK = sendable(Number.NaN);
const emptyBody = record({});

/** Only these fields of a body; any others are as if they were not there. Throws a Refusal. */
export function pickedBody<F extends Fields>(fields: F, { body }: FastifyRequest): BodyOf<F> {
  const isMap = typeof body === 'object' && body !== null && !Array.isArray(body);
  const known = isMap ? Object.entries(body).filter(([name]) => Object.hasOwn(fields, name)) : [];
  return checked(record(fields), isMap ? Object.fromEntries(known) : body) as BodyOf<F>;
}

/** For routes that take no body, or an empty object. Throws a Refusal. */
export function noBody({ body }: FastifyRequest): void {
  if (body !== undefined) checked(emptyBody, body);
}

/**
 * Asks with the fields of a body. When they are not as they must be the same is asked with a blank form, which no server
 * carries out: when it says that the form is bad the caller might have asked, and is told which fields of the body are.
 * Throws a Refusal.
 */
export async function askFilled<K extends CallName, F extends Fields>(
  context: Context,
  op: K,
  { fields, body }: { fields: F; body: unknown },
  argsOf: (filled: BodyOf<F>) => Args<K>,
  options: CallOptions = {},
): Promise<Result<K>> {
  const faults = faultsOf(record(fields), body);
  if (faults.length === 0) return ask(context, op, argsOf(body as BodyOf<F>), options);
  const names = Object.keys(fields);
  await mayAsk(context, op, (blank) => argsOf(Object.fromEntries(names.map((name) => [name, blank])) as BodyOf<F>));
  throw badRequest(...faults);
}

/** Asks with `blank` in the place of what was written, only to find out whether the caller may. Throws a Refusal if not. */
export async function mayAsk<K extends CallName>(
  context: Context,
  op: K,
  argsOf: (blank: unknown) => Args<K>,
): Promise<void> {
  const reply = await context.client.request(op, argsOf(BLANK), { deadlineMs: patienceMs(context) });
  if (!isSuccess(reply) && reply.code !== 'BAD_REQUEST') throw new Refusal(reply);
}

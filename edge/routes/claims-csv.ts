/**
 * The export of claims: pages are asked for as fast as the caller reads, one at a time, so that a long list needs no
 * more memory than a page. The first page comes before the headers: until then a refusal is still a problem document.
 * Later there is no honest status left, so a failure cuts the connection and the caller sees a body without an end.
 */
import { Readable } from 'node:stream';
import type { FastifyReply } from 'fastify';
import { decodeClaim } from '../../protocol/claim.ts';
import { LIMITS } from '../../protocol/limits.ts';
import type { Args } from '../../protocol/ops.ts';
import type { Result } from '../../protocol/results.ts';
import { ask, type Context } from '../context.ts';
import { CSV_HEADER, csvOf } from '../csv.ts';
import { Refusal } from '../refusal.ts';
import type { ActorTuple } from '../tokens.ts';

type Page = Result<'CLAIMS_LIST'>;
const RETRY_MS = 1_000;
export type ClaimFilter = {
  actor: ActorTuple;
  eventKey: string | null;
  userId: string | null;
  fromMs: number | null;
  toMs: number | null;
};

/** A table has no place to say what is missing from it: a store that does not answer is a failure here. */
async function pageFrom(context: Context, filter: ClaimFilter, cursor: string | null): Promise<Page> {
  const { actor, eventKey, userId, fromMs, toMs } = filter;
  const args: Args<'CLAIMS_LIST'> = [actor, eventKey, userId, fromMs, toMs, LIMITS.pageLengthMax, cursor];
  const page = await ask(context, 'CLAIMS_LIST', args);
  if (page[2] !== null) throw new Refusal({ code: 'STORE_UNAVAILABLE', retryAfterMs: RETRY_MS });
  return page;
}

async function* rowsOf(context: Context, filter: ClaimFilter, first: Page): AsyncGenerator<string> {
  yield CSV_HEADER;
  let [claims, cursor] = first;
  try {
    for (;;) {
      yield csvOf(claims.map(decodeClaim));
      if (cursor === null) return;
      [claims, cursor] = await pageFrom(context, filter, cursor);
    }
  } catch (error) {
    context.log.warn({ err: error }, 'export of claims cut off');
    throw error;
  }
}

export async function sendClaimsCsv(
  context: Context,
  reply: FastifyReply,
  { filter, cursor }: { filter: ClaimFilter; cursor: string | null },
): Promise<FastifyReply> {
  const first = await pageFrom(context, filter, cursor);
  const headers = {
    'content-type': 'text/csv; charset=utf-8; header=present',
    'content-disposition': 'attachment; filename="claims.csv"',
    // Later pages were read later and lack no more than the first.
    ...(first[3] === null ? {} : { 'claims-as-of': new Date(first[3]).toISOString() }),
  };
  const rows = Readable.from(rowsOf(context, filter, first), { objectMode: false, highWaterMark: 65_536 });
  return reply.headers(headers).send(rows);
}

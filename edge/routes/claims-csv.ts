/**
 * The export of claims: pages are asked for as fast as the caller reads, one at a time, so that a long list needs no
 * more memory than a page. The first page comes before the headers: until then a refusal is still a problem document.
 * Later there is no honest status left, so a failure cuts the connection and the caller sees a body without an end.
 */
import { Readable } from 'node:stream';
import type { FastifyReply } from 'fastify';
import { decodeClaim } from '../../protocol/claim.ts';
import { LIMITS } from '../../protocol/limits.ts';
import type { Result } from '../../protocol/results.ts';
import { ask, type Context } from '../context.ts';
import { CSV_HEADER, csvOf } from '../csv.ts';
import type { ActorTuple } from '../tokens.ts';

type Page = Result<'CLAIMS_LIST'>;
export type ClaimFilter = {
  actor: ActorTuple;
  eventKey: string | null;
  userId: string | null;
  fromMs: number | null;
  toMs: number | null;
};

function pageFrom(context: Context, filter: ClaimFilter, cursor: string | null): Promise<Page> {
  const { actor, eventKey, userId, fromMs, toMs } = filter;
  return ask(context, 'CLAIMS_LIST', [actor, eventKey, userId, fromMs, toMs, LIMITS.pageLengthMax, cursor]);
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
  };
  const rows = Readable.from(rowsOf(context, filter, first), { objectMode: false, highWaterMark: 65_536 });
  return reply.headers(headers).send(rows);
}

/** Claims over HTTP/1.1, one request at a time on each connection. */
import { ERRORS } from '../../../protocol/errors.ts';
import { requestIdOf } from '../ids.ts';
import type { Claims, Target } from '../job.ts';
import { type Answers, IN_ORDER, type Replies, type Spoken } from './dialect.ts';

const HEAD_END = '\r\n\r\n';
/** Of statuses that stand for a code of the table; others are counted under their own number. */
const OUTCOME_OF_STATUS: Readonly<Record<number, number>> = {
  201: ERRORS.GRANTED.code,
  200: ERRORS.REPLAYED.code,
};

/** `tokens` are those of the job's users, in their order. */
export function httpClaims(
  { eventKeys, requestTag }: Claims,
  tokens: readonly string[],
  { host, port, count }: Target & { count: number },
): Spoken {
  const tails = tokens.map(
    (token) => `Host: ${host}:${port}\r\nAuthorization: Bearer ${token}\r\nContent-Length: 0\r\n`,
  );
  const heads = eventKeys.map((eventKey) => `POST /v1/events/${eventKey}/claims HTTP/1.1\r\n`);
  const textOf = (index: number) => {
    const head = heads[Math.floor(index / tokens.length)];
    return `${head}${tails[index % tokens.length]}Idempotency-Key: ${requestIdOf(index, requestTag)}\r\n\r\n`;
  };
  const bytesMax = Math.max(...heads.map(({ length }) => length)) + textOf(0).length;
  return {
    requests: {
      bytesMax,
      count: Math.min(count, tokens.length * eventKeys.length),
      room: (requests) => Buffer.allocUnsafe(bytesMax * requests),
      write: (into, at, index) => into.write(textOf(index), at, 'latin1'),
    },
    replies: responses,
  };
}

function responses(): Replies {
  let rest: Buffer = Buffer.alloc(0);
  return (chunk, answers) => {
    rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    for (let end = takeResponse(rest, answers); end > 0; end = takeResponse(rest, answers)) rest = rest.subarray(end);
  };
}

/** Where the first response ends, or 0 while it is not whole. */
function takeResponse(bytes: Buffer, answers: Answers): number {
  const headEnd = bytes.indexOf(HEAD_END);
  if (headEnd === -1) return 0;
  const head = bytes.toString('latin1', 0, headEnd + HEAD_END.length);
  const [, digits] = /\r\ncontent-length: *(\d+)\r\n/i.exec(head) ?? [];
  if (digits === undefined) throw new Error(`an answer without a length: ${head}`);
  const end = head.length + Number(digits);
  if (bytes.length < end) return 0;
  const status = Number(head.slice(9, 12));
  answers.counted(OUTCOME_OF_STATUS[status] ?? status, 1);
  answers.settled(IN_ORDER);
  return end;
}

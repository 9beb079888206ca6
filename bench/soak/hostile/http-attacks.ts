/** Every attack on the HTTP door, and the status and code it must be answered with. */
import type { ErrorName } from '../../../protocol/errors.ts';
import type { Chance } from '../../../protocol/testing/random.ts';

export type HttpAttack = {
  name: string;
  status: number;
  code: ErrorName;
  /** What is sent, piece by piece; `answer` waits for an answer. The one that is judged is the last. */
  pieces: readonly (string | Uint8Array)[];
  takesMs?: number;
};

const CLAIM = 'POST /v1/events/open/claims HTTP/1.1\r\nHost: x\r\n';
const HEALTH = 'GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n';

export function httpAttacks(token: string, chance: Chance): HttpAttack[] {
  const signed = `${CLAIM}Authorization: Bearer ${token}\r\n`;
  const json = (body: string, more = '') =>
    `${signed}${more}Content-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
  const get = (path: string) => `GET ${path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${token}\r\n\r\n`;
  const bearer = (text: string) => `${CLAIM}Authorization: Bearer ${text}\r\nContent-Length: 0\r\n\r\n`;
  const unsigned = `${encoded({ alg: 'none', typ: 'at+jwt' })}.${token.split('.')[1]}.`;
  const big = 'x'.repeat(65_537);
  return [
    { name: 'random bytes', status: 400, code: 'BAD_REQUEST', pieces: [chance.bytes(2_000)] },
    {
      name: 'a TLS greeting',
      status: 400,
      code: 'BAD_REQUEST',
      pieces: [Buffer.from('16030100c8010000c40303', 'hex')],
    },
    {
      name: 'a frame of the TCP protocol',
      status: 400,
      code: 'BAD_REQUEST',
      pieces: [Buffer.from('0000000901010200', 'hex')],
    },
    {
      name: 'headers of 32 KiB',
      status: 413,
      code: 'PAYLOAD_TOO_LARGE',
      pieces: [`${CLAIM}X-Long: ${'x'.repeat(32_768)}\r\n\r\n`],
    },
    {
      name: 'a path of 32 KiB',
      status: 413,
      code: 'PAYLOAD_TOO_LARGE',
      pieces: [get(`/v1/events/${'x'.repeat(32_768)}`)],
    },
    {
      name: 'two lengths',
      status: 400,
      code: 'BAD_REQUEST',
      pieces: [`${signed}Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}`],
    },
    {
      name: 'length and chunks',
      status: 400,
      code: 'BAD_REQUEST',
      pieces: [`${signed}Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`],
    },
    { name: 'a negative length', status: 400, code: 'BAD_REQUEST', pieces: [`${signed}Content-Length: -1\r\n\r\n`] },
    {
      name: 'a bad chunk',
      status: 400,
      code: 'BAD_REQUEST',
      pieces: [`${signed}Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n`],
    },
    { name: 'a header with a NUL', status: 400, code: 'BAD_REQUEST', pieces: [`${CLAIM}X-Nul: a\0b\r\n\r\n`] },
    { name: 'a request without a host', status: 400, code: 'BAD_REQUEST', pieces: ['GET /healthz HTTP/1.1\r\n\r\n'] },
    {
      name: 'an unknown method',
      status: 400,
      code: 'BAD_REQUEST',
      pieces: ['GRAB /healthz HTTP/1.1\r\nHost: x\r\n\r\n'],
    },
    {
      name: 'garbage behind a request',
      status: 400,
      code: 'BAD_REQUEST',
      pieces: [HEALTH, 'answer', Buffer.concat([Uint8Array.of(0), chance.bytes(500)])],
    },
    {
      name: 'a body that never comes',
      status: 400,
      code: 'BAD_REQUEST',
      pieces: [`${signed}Content-Type: application/json\r\nContent-Length: 10\r\n\r\n{`],
      takesMs: 12_500,
    },
    { name: 'headers that never end', status: 400, code: 'BAD_REQUEST', pieces: [CLAIM], takesMs: 12_500 },
    { name: 'bad JSON', status: 400, code: 'BAD_REQUEST', pieces: [json('{"a":')] },
    { name: 'JSON nested 20,000 deep', status: 400, code: 'BAD_REQUEST', pieces: [json('['.repeat(20_000))] },
    { name: 'JSON with __proto__', status: 400, code: 'BAD_REQUEST', pieces: [json('{"__proto__":{"isAdmin":true}}')] },
    {
      name: 'JSON that is not UTF-8',
      status: 400,
      code: 'BAD_REQUEST',
      pieces: [
        `${signed}Content-Type: application/json\r\nContent-Length: 4\r\n\r\n`,
        Buffer.from([0x22, 0xc3, 0x28, 0x22]),
      ],
    },
    { name: 'a body above 64 KiB', status: 413, code: 'PAYLOAD_TOO_LARGE', pieces: [json(`"${big}"`)] },
    {
      name: 'chunks above 64 KiB',
      status: 413,
      code: 'PAYLOAD_TOO_LARGE',
      pieces: [
        `${signed}Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n10001\r\n${big}\r\n0\r\n\r\n`,
      ],
    },
    {
      name: 'a length of 4 GiB',
      status: 413,
      code: 'PAYLOAD_TOO_LARGE',
      pieces: [`${signed}Content-Type: application/json\r\nContent-Length: 4294967295\r\n\r\n`],
    },
    {
      name: 'a body of XML',
      status: 415,
      code: 'UNSUPPORTED_MEDIA_TYPE',
      pieces: [`${signed}Content-Type: text/xml\r\nContent-Length: 4\r\n\r\n<a/>`],
    },
    { name: 'no token', status: 401, code: 'UNAUTHENTICATED', pieces: [`${CLAIM}Content-Length: 0\r\n\r\n`] },
    {
      name: 'no token and a body of 1 MiB',
      status: 401,
      code: 'UNAUTHENTICATED',
      pieces: [`${CLAIM}Content-Length: 1048576\r\n\r\n`],
    },
    {
      name: 'a token of garbage',
      status: 401,
      code: 'UNAUTHENTICATED',
      pieces: [bearer(Buffer.from(chance.bytes(300)).toString('base64url'))],
    },
    { name: 'a token of 12 KiB', status: 401, code: 'UNAUTHENTICATED', pieces: [bearer('x'.repeat(12_000))] },
    { name: 'a token without a signature', status: 401, code: 'UNAUTHENTICATED', pieces: [bearer(unsigned)] },
    { name: 'a token with one byte changed', status: 401, code: 'UNAUTHENTICATED', pieces: [bearer(changed(token))] },
    {
      name: 'a request id with a space',
      status: 400,
      code: 'BAD_REQUEST',
      pieces: [json('{}', 'Idempotency-Key: a b\r\n')],
    },
    {
      name: 'a request id of 129 characters',
      status: 400,
      code: 'BAD_REQUEST',
      pieces: [json('{}', `Idempotency-Key: ${'x'.repeat(129)}\r\n`)],
    },
    {
      name: 'the user in a header',
      status: 401,
      code: 'UNAUTHENTICATED',
      pieces: [`${CLAIM}X-User-Id: admin\r\nContent-Length: 0\r\n\r\n`],
    },
    { name: 'a path with %00', status: 400, code: 'BAD_REQUEST', pieces: [get('/v1/events/%00')] },
    { name: 'a path with %ff', status: 400, code: 'BAD_REQUEST', pieces: [get('/v1/events/%ff')] },
    { name: 'a path that climbs', status: 404, code: 'NOT_FOUND', pieces: [get('/v1/events/../../../etc/passwd')] },
    {
      name: 'a path that climbs, encoded',
      status: 400,
      code: 'BAD_REQUEST',
      pieces: [get('/v1/events/..%2f..%2f..%2fetc%2fpasswd')],
    },
    { name: 'a path with two slashes', status: 404, code: 'NOT_FOUND', pieces: [get('//v1//events')] },
    { name: 'a path with another case', status: 404, code: 'NOT_FOUND', pieces: [get('/V1/Events')] },
    { name: 'a key of 65 characters', status: 400, code: 'BAD_REQUEST', pieces: [get(`/v1/events/${'x'.repeat(65)}`)] },
    { name: 'an event that is not there', status: 404, code: 'EVENT_NOT_FOUND', pieces: [get('/v1/events/nothing')] },
    {
      name: 'a method that is not taken',
      status: 405,
      code: 'METHOD_NOT_ALLOWED',
      pieces: [`DELETE /v1/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${token}\r\n\r\n`],
    },
    { name: 'a limit of 10⁹', status: 400, code: 'BAD_REQUEST', pieces: [get('/v1/me/claims?limit=1000000000')] },
    { name: 'a forged cursor', status: 400, code: 'BAD_REQUEST', pieces: [get('/v1/me/claims?cursor=AAAA')] },
    { name: "an operator's list", status: 403, code: 'FORBIDDEN', pieces: [get('/v1/claims')] },
  ];
}

function encoded(part: object): string {
  return Buffer.from(JSON.stringify(part)).toString('base64url');
}

/** The first character of the signature, which has no bits that do not count. */
function changed(token: string): string {
  const at = token.lastIndexOf('.') + 1;
  return token.slice(0, at) + (token[at] === 'A' ? 'B' : 'A') + token.slice(at + 1);
}

/**
 * The CLAIM body as nearly every game server sends it, read by hand: no actor, short plain strings, no deadline or a small
 * one. Anything else is null and goes the general way, which alone decides what is refused and why. So this may accept
 * less than the general way, never more: the test beside it holds the two against each other.
 *
 *     94 or 95   array of four or five
 *     c0         no actor
 *     a0…bf, d9  eventKey
 *     a0…bf, d9  userId
 *     a0…bf, d9  requestId, or c0
 *     c0, 00…7f, cd   deadline in ms (when five)
 */
import { LIMITS } from '../../protocol/limits.ts';

export type ClaimBody = { eventKey: string; userId: string; requestId: string | null; deadlineMs: number | null };

const NIL = 0xc0;
const STR8 = 0xd9;
const UINT16 = 0xcd;
/** By character code: 1 may stand in a key part, 2 in a request id, 3 in both. */
const ALLOWED = new Uint8Array(256);
for (let code = 0x21; code <= 0x7e; code++) {
  ALLOWED[code] = /[A-Za-z0-9._:-]/.test(String.fromCharCode(code)) ? 3 : 2;
}
const IN_KEY = 1;
const IN_REQUEST_ID = 2;

let bytes: Buffer = Buffer.alloc(0);
let position = 0;
/** Most claims of a moment are for one event: its key is compared with the bytes rather than made again. */
let lastEventKey = '';

/** Synchronous and not re-entrant, so its cursor may live in the module. */
export function readClaimBody(body: Uint8Array): ClaimBody | null {
  const fields = body[0];
  if ((fields !== 0x94 && fields !== 0x95) || body[1] !== NIL) return null;
  bytes = Buffer.isBuffer(body) ? body : Buffer.from(body.buffer, body.byteOffset, body.length);
  position = 2;
  const eventKey = takeEventKey();
  if (eventKey === null) return null;
  const userId = takeText(LIMITS.userIdLengthMax, IN_KEY);
  if (userId === null) return null;
  let requestId: string | null = null;
  if (bytes[position] === NIL) position++;
  else {
    requestId = takeText(LIMITS.requestIdLengthMax, IN_REQUEST_ID);
    if (requestId === null) return null;
  }
  const deadlineMs = fields === 0x95 ? takeDeadline() : null;
  return deadlineMs === undefined || position !== bytes.length ? null : { eventKey, userId, requestId, deadlineMs };
}

/** The length of the text at the cursor, which moves to its first byte; -1 when it is none that is read here. */
function takeLength(lengthMax: number, allowed: number): number {
  const head = bytes[position++] ?? 0;
  const length = head === STR8 ? (bytes[position++] ?? 0) : (head & 0xe0) === 0xa0 ? head & 0x1f : 0;
  const end = position + length;
  if (length === 0 || length > lengthMax || end > bytes.length) return -1;
  for (let i = position; i < end; i++) if (((ALLOWED[bytes[i] as number] as number) & allowed) === 0) return -1;
  return length;
}

function takeText(lengthMax: number, allowed: number): string | null {
  const length = takeLength(lengthMax, allowed);
  if (length < 0) return null;
  const start = position;
  position += length;
  return bytes.toString('latin1', start, position);
}

function takeEventKey(): string | null {
  const length = takeLength(LIMITS.eventKeyLengthMax, IN_KEY);
  if (length < 0) return null;
  const start = position;
  position += length;
  if (!isLastEventKey(start, length)) lastEventKey = bytes.toString('latin1', start, position);
  return lastEventKey;
}

function isLastEventKey(start: number, length: number): boolean {
  if (lastEventKey.length !== length) return false;
  for (let i = 0; i < length; i++) if (bytes[start + i] !== lastEventKey.charCodeAt(i)) return false;
  return true;
}

/** Undefined when it is none that is read here. */
function takeDeadline(): number | null | undefined {
  const head = bytes[position++] as number;
  if (head === NIL) return null;
  if (head >= 1 && head <= 0x7f) return head;
  if (head !== UINT16 || position + 2 > bytes.length) return undefined;
  const value = ((bytes[position] as number) << 8) | (bytes[position + 1] as number);
  position += 2;
  return value >= 1 && value <= LIMITS.deadlineMsMax ? value : undefined;
}

/**
 * The two strings of a claim as they stand in a block: MessagePack, as a reply sends them, so that a reply is a copy.
 * Both are ASCII of 1 to 128 characters, so a length takes one byte or two.
 */
const FIXSTR = 0xa0;
const STR8 = 0xd9;
const FIXSTR_LENGTH_MAX = 31;

/** Bytes that `writeText` needs for an ASCII string of this length. */
export function textBytes(length: number): number {
  return length + (length <= FIXSTR_LENGTH_MAX ? 1 : 2);
}

/** Writes an ASCII string of at most 255 characters and returns the byte behind it. */
export function writeText(buffer: Buffer, at: number, text: string): number {
  const start = writeTextHead(buffer, at, text.length);
  return start + buffer.write(text, start, 'latin1');
}

/** Writes the head of a string of so many characters and returns the byte behind it. */
export function writeTextHead(buffer: Buffer, at: number, length: number): number {
  if (length <= FIXSTR_LENGTH_MAX) {
    buffer[at] = FIXSTR | length;
    return at + 1;
  }
  buffer[at] = STR8;
  buffer[at + 1] = length;
  return at + 2;
}

/** The byte behind the string whose head is at `at`. */
export function textEnd(bytes: Uint8Array, at: number): number {
  const head = bytes[at] as number;
  return head === STR8 ? at + 2 + (bytes[at + 1] as number) : at + 1 + (head & 0x1f);
}

/** The first character of the string whose head is at `at`. */
export function textStart(bytes: Uint8Array, at: number): number {
  return bytes[at] === STR8 ? at + 2 : at + 1;
}

export function decodeClaimText(bytes: Buffer, at: number): { userId: string; requestId: string } {
  const userEnd = textEnd(bytes, at);
  const requestEnd = textEnd(bytes, userEnd);
  return {
    userId: bytes.toString('latin1', textStart(bytes, at), userEnd),
    requestId: bytes.toString('latin1', textStart(bytes, userEnd), requestEnd),
  };
}

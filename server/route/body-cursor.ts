/**
 * Reads the few forms of MessagePack that bodies read by hand are made of. A form that is longer than it need be is not
 * read, because equal ids must be equal bytes.
 */
const NIL = 0xc0;
const STR8 = 0xd9;
const UINT16 = 0xcd;
const FIXSTR_LENGTH_MAX = 31;
/** What a character of a string may be: bits, because a request id may hold what a key may. */
export const IN_KEY = 1;
export const IN_REQUEST_ID = 2;
const ALLOWED = new Uint8Array(256);
for (let code = 0x21; code <= 0x7e; code++) {
  ALLOWED[code] = /[A-Za-z0-9._:-]/.test(String.fromCharCode(code)) ? IN_KEY | IN_REQUEST_ID : IN_REQUEST_ID;
}
/** No body that is read here is shorter than its head and one string. */
const BODY_BYTES_MIN = 6;

export class BodyCursor {
  bytes: Uint8Array = new Uint8Array(0);
  at = 0;
  /** The head of the string that was passed last. */
  textAt = 0;
  deadlineMs: number | null = null;
  #end = 0;

  /** Moves behind the head of an array of four or five whose first value is nil, and returns which; 0 when it is neither. */
  begin(bytes: Uint8Array, start: number, end: number): number {
    const head = bytes[start] as number;
    if (end - start < BODY_BYTES_MIN || (head !== 0x94 && head !== 0x95) || bytes[start + 1] !== NIL) return 0;
    this.bytes = bytes;
    this.at = start + 2;
    this.#end = end;
    return head & 0x0f;
  }

  /** Moves behind the string at the cursor; false when it is none that is read here. */
  passText(lengthMax: number, allowed: number): boolean {
    const { bytes } = this;
    let at = this.at;
    this.textAt = at;
    const head = bytes[at++] as number;
    const isLong = head === STR8;
    const length = isLong ? (bytes[at++] as number) : (head & 0xe0) === 0xa0 ? head & 0x1f : 0;
    const end = at + length;
    if (!(length > 0 && length <= lengthMax && end <= this.#end)) return false;
    if (isLong && length <= FIXSTR_LENGTH_MAX) return false;
    for (; at < end; at++) if (((ALLOWED[bytes[at] as number] as number) & allowed) === 0) return false;
    this.at = end;
    return true;
  }

  passNil(): boolean {
    if (this.bytes[this.at] !== NIL) return false;
    this.at++;
    return true;
  }

  /** Moves behind nil or a whole number from 1 to `max`, which is then in `deadlineMs`. */
  passDeadline(max: number): boolean {
    const { bytes } = this;
    this.deadlineMs = null;
    if (this.passNil()) return this.at <= this.#end;
    const head = bytes[this.at++] as number;
    const isLong = head === UINT16;
    if (!isLong && head > 0x7f) return false;
    if (isLong) this.at += 2;
    if (this.at > this.#end) return false;
    this.deadlineMs = isLong ? ((bytes[this.at - 2] as number) << 8) | (bytes[this.at - 1] as number) : head;
    return this.deadlineMs >= 1 && this.deadlineMs <= max;
  }

  /** The string that was passed last. */
  text(): string {
    return this.textFrom(this.textAt, this.at);
  }

  /** The string whose head is at `at` and which ends before `end`. */
  textFrom(at: number, end: number): string {
    const { bytes } = this;
    const buffer = Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
    return buffer.toString('latin1', bytes[at] === STR8 ? at + 2 : at + 1, end);
  }

  /** Whether the string that was passed last is this one. */
  isText(text: string): boolean {
    const { bytes, textAt } = this;
    const start = bytes[textAt] === STR8 ? textAt + 2 : textAt + 1;
    if (text.length !== this.at - start) return false;
    for (let i = 0; i < text.length; i++) if (bytes[start + i] !== text.charCodeAt(i)) return false;
    return true;
  }
}

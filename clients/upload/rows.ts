/**
 * The bytes of a file of user ids into ids, line by line: NDJSON of `{"userId":"…"}`, or CSV of one column under the header
 * `userId`. It decides nothing and sends nothing. Chunks may end anywhere. Memory is bounded whatever is sent: a line that
 * is too long is counted, rejected and not kept.
 *
 * Blank lines are no rows, and still count as lines. An id is taken as it stands or rejected, never trimmed or mended; as ids
 * are ASCII, so is every row that is taken, and bytes can be read one character each. In CSV a value holds no line end, so
 * that a quote that is never closed spoils one row and not the file.
 */
import { userIdShape } from '../../protocol/key.ts';
import { faultsOf, record } from '../../protocol/shape.ts';

export type RowFormat = 'ndjson' | 'csv';
/** Behind the last line that was read: how many lines and bytes there are up to it. */
export type Position = { readonly line: number; readonly offset: number };
/** Told of each row in its order; `line` counts from 1, the header and blank lines included. */
export type RowSink = { user(userId: string, at: Position): void; rejected(rule: string, line: number): void };

export const LINE_BYTES_MAX = 4_096;
const LINE_END = 10;
const BYTE_ORDER_MARK = '\u00ef\u00bb\u00bf';
const PLAIN_ROW = /^\{"userId":"([A-Za-z0-9._:-]{1,128})"\}$/;
const QUOTED = /^"((?:[^"]|"")*)"$/;
const row = record({ userId: userIdShape });

export const ROW_RULE = {
  length: `a line of up to ${LINE_BYTES_MAX} bytes`,
  json: 'JSON',
  object: 'an object with userId',
  value: 'one value; in quotes, with quotes doubled, where it holds a quote or a comma',
} as const;

/** A CSV file does not begin with the line `userId`. */
export class HeaderMissing extends Error {
  constructor() {
    super('a first line userId');
    this.name = 'HeaderMissing';
  }
}

export class RowReader {
  readonly #format: RowFormat;
  readonly #sink: RowSink;
  #line: number;
  #offset: number;
  #isBody: boolean;
  /** The beginning of the line at hand, from the chunks before; `#heldBytes` counts also what was not kept. */
  readonly #held = Buffer.allocUnsafe(LINE_BYTES_MAX);
  #heldBytes = 0;

  /** `from`: the file is read on from there, where another reader has been. */
  constructor(format: RowFormat, sink: RowSink, from: Position = { line: 0, offset: 0 }) {
    this.#format = format;
    this.#sink = sink;
    this.#line = from.line;
    this.#offset = from.offset;
    this.#isBody = format === 'ndjson' || from.line > 0;
  }

  /** Behind the last line that was taken. */
  get position(): Position {
    return { line: this.#line, offset: this.#offset };
  }

  /** Throws HeaderMissing. */
  push(chunk: Buffer): void {
    let start = 0;
    for (let end = chunk.indexOf(LINE_END); end !== -1; end = chunk.indexOf(LINE_END, start)) {
      this.#end(chunk, start, end, 1);
      start = end + 1;
    }
    this.#hold(chunk, start, chunk.length);
  }

  /** There is nothing more: what stands behind the last line end is a line too. Throws HeaderMissing. */
  end(): void {
    if (this.#heldBytes > 0) this.#end(Buffer.alloc(0), 0, 0, 0);
    if (!this.#isBody) throw new HeaderMissing();
  }

  #hold(chunk: Buffer, start: number, end: number): void {
    if (this.#heldBytes < LINE_BYTES_MAX) chunk.copy(this.#held, this.#heldBytes, start, end);
    this.#heldBytes += end - start;
  }

  #end(chunk: Buffer, start: number, end: number, lineEndBytes: number): void {
    const isWhole = this.#heldBytes === 0;
    if (!isWhole) this.#hold(chunk, start, end);
    const bytes = isWhole ? end - start : this.#heldBytes;
    this.#heldBytes = 0;
    this.#line++;
    this.#offset += bytes + lineEndBytes;
    if (bytes > LINE_BYTES_MAX) this.#sink.rejected(ROW_RULE.length, this.#line);
    else this.#take(isWhole ? chunk.toString('latin1', start, end) : this.#held.toString('latin1', 0, bytes));
  }

  #take(line: string): void {
    let text = line.endsWith('\r') ? line.slice(0, -1) : line;
    if (this.#line === 1 && text.startsWith(BYTE_ORDER_MARK)) text = text.slice(BYTE_ORDER_MARK.length);
    if (text.trim() === '') return;
    if (!this.#isBody) {
      if (csvValueOf(text) !== 'userId') throw new HeaderMissing();
      this.#isBody = true;
      return;
    }
    const found = this.#format === 'ndjson' ? userOfJson(text) : userOfCsv(text);
    if ('userId' in found) this.#sink.user(found.userId, { line: this.#line, offset: this.#offset });
    else this.#sink.rejected(found.rule, this.#line);
  }
}

type Found = { userId: string } | { rule: string };

function userOfJson(text: string): Found {
  const plain = PLAIN_ROW.exec(text);
  if (plain !== null) return { userId: plain[1] as string };
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return { rule: ROW_RULE.json };
  }
  const [fault] = faultsOf(row, value);
  if (fault === undefined) return value as { userId: string };
  return { rule: fault.field === 'body' ? ROW_RULE.object : `${fault.field}: ${fault.rule}` };
}

function userOfCsv(text: string): Found {
  const userId = csvValueOf(text);
  if (userId === null) return { rule: ROW_RULE.value };
  return faultsOf(userIdShape, userId).length === 0 ? { userId } : { rule: `userId: ${userIdShape.rule}` };
}

/** Null when the line is not exactly one value. */
function csvValueOf(text: string): string | null {
  if (!text.includes('"')) return text.includes(',') ? null : text;
  return QUOTED.exec(text)?.[1]?.replaceAll('""', '"') ?? null;
}

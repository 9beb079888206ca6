/**
 * Frames as annotated hex for the spec. It reads MessagePack by itself, so that the dump says what the bytes are and not
 * what the codec takes them for.
 */
/** A name, or a name with the names of what is inside. */
export type Label = string | readonly [name: string, inside: readonly Label[]];
export type Row = { bytes: Uint8Array; says: string };

const HEX_COLUMNS = 48;

export function dumpFrame(frame: Uint8Array, words: { kind: string; op: string; labels: readonly Label[] }): string {
  const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
  const rows: Row[] = [
    { bytes: frame.subarray(0, 4), says: `length: ${view.getUint32(0)} bytes follow` },
    { bytes: frame.subarray(4, 5), says: `version ${frame[4]}` },
    { bytes: frame.subarray(5, 6), says: `kind ${frame[5]}: ${words.kind}` },
    { bytes: frame.subarray(6, 7), says: `op ${frame[6]}: ${words.op}` },
    { bytes: frame.subarray(7, 8), says: 'flags' },
    { bytes: frame.subarray(8, 12), says: `request number ${view.getUint32(8)}` },
  ];
  const end = addValue(rows, view, { at: 12, depth: 0, label: ['body', words.labels] });
  if (end !== frame.length) throw new Error('the dump does not end where the frame ends');
  return rows.map(printRow).join('\n');
}

export function printRow({ bytes, says }: Row): string {
  const lines: string[] = [];
  for (let at = 0; at < bytes.length; at += 16) {
    const hex = Array.from(bytes.subarray(at, at + 16), (byte) => byte.toString(16).padStart(2, '0')).join(' ');
    lines.push(at === 0 ? `${hex.padEnd(HEX_COLUMNS)}${says}` : hex);
  }
  return lines.join('\n');
}

type Place = { at: number; depth: number; label: Label | undefined };

/** Adds the rows of the value at `at` and returns where it ends. */
function addValue(rows: Row[], view: DataView, { at, depth, label }: Place): number {
  const [name, inside] = typeof label === 'string' ? [label, []] : (label ?? ['', []]);
  const item = readItem(view, at);
  const bytes = new Uint8Array(view.buffer, view.byteOffset + at, item.end - at);
  rows.push({ bytes, says: `${'  '.repeat(depth)}${name === '' ? '' : `${name}: `}${item.says}` });
  let end = item.end;
  for (let i = 0; i < item.children; i++) {
    end = addValue(rows, view, { at: end, depth: depth + 1, label: inside[i] });
  }
  return end;
}

type Item = { end: number; says: string; children: number };

function readItem(view: DataView, at: number): Item {
  const head = view.getUint8(at);
  const leaf = (bytes: number, says: string): Item => ({ end: at + 1 + bytes, says, children: 0 });
  if (head <= 0x7f) return leaf(0, String(head));
  if (head <= 0x8f) return { end: at + 1, says: `map of ${head & 0x0f}`, children: (head & 0x0f) * 2 };
  if (head <= 0x9f) return { end: at + 1, says: `array of ${head & 0x0f}`, children: head & 0x0f };
  if (head <= 0xbf) return leaf(head & 0x1f, JSON.stringify(textAt(view, at + 1, head & 0x1f)));
  if (head === 0xc0) return leaf(0, 'nil');
  if (head === 0xc2 || head === 0xc3) return leaf(0, String(head === 0xc3));
  if (head === 0xc4) return leaf(1 + view.getUint8(at + 1), `${view.getUint8(at + 1)} bytes`);
  if (head === 0xcc) return leaf(1, String(view.getUint8(at + 1)));
  if (head === 0xcd) return leaf(2, String(view.getUint16(at + 1)));
  if (head === 0xce) return leaf(4, String(view.getUint32(at + 1)));
  if (head === 0xcf) return leaf(8, String(view.getBigUint64(at + 1)));
  if (head === 0xd3) return leaf(8, String(view.getBigInt64(at + 1)));
  if (head === 0xd9) {
    const length = view.getUint8(at + 1);
    return leaf(1 + length, JSON.stringify(textAt(view, at + 2, length)));
  }
  throw new Error(`the dump has no words for 0x${head.toString(16)}`);
}

function textAt(view: DataView, at: number, length: number): string {
  return new TextDecoder().decode(new Uint8Array(view.buffer, view.byteOffset + at, length));
}

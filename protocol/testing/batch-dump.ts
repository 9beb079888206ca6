/**
 * The packed bytes of the golden batch, annotated for the spec. Like `dump.ts` it reads the layout by itself, so that it
 * says what the bytes are and not what the code takes them for.
 */
import { batchAsked } from './batch-vectors.ts';
import { printRow, type Row } from './dump.ts';
import { fromJson, VECTORS } from './vectors.ts';

const NAMES = new Map([
  [1, 'GRANTED'],
  [2, 'REPLAYED'],
  [10, 'ALREADY_CLAIMED'],
]);
const STATES = ['PENDING', 'FULFILLED', 'DEAD'];

export function packedBytes(): Uint8Array {
  const reply = VECTORS.batches.find(({ entries }) => entries !== undefined);
  const [, result] = fromJson(reply?.body) as [number, [unknown, unknown, Uint8Array]];
  return result[2];
}

export function packedBatch(): string {
  const bytes = packedBytes();
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const time = (at: number) => view.getUint16(at) * 2 ** 32 + view.getUint32(at + 2);
  let at = 0;
  const steps = batchAsked.userIds.map((userId, i) => {
    if (userId === null) return `# ${i}: nil, so no entry`;
    const rows: Row[] = [];
    const take = (count: number, says: (from: number) => string) => {
      rows.push({ bytes: bytes.subarray(at, at + count), says: says(at) });
      at += count;
    };
    const code = view.getUint8(at);
    take(1, () => (code === 0 ? '0: a problem' : `code ${code}: ${NAMES.get(code)}`));
    take(2, (from) => `${code === 0 ? 'problem' : 'series'} ${view.getUint16(from)}`);
    if (code !== 0) {
      take(6, (from) => `grantedAt: ${time(from)}`);
      const flags = view.getUint8(at);
      take(1, () => `flags ${flags}${flags & 1 ? ' slot' : ''}${flags & 2 ? ' delivery' : ''}`);
      if (flags & 1) take(4, (from) => `slot: ${view.getUint32(from)}`);
      if (flags & 2) {
        take(1, (from) => `delivery state: ${STATES[view.getUint8(from)]}`);
        take(4, (from) => `delivery attempts: ${view.getUint32(from)}`);
        take(6, (from) => `fulfilledAt: ${time(from)}`);
      }
    }
    if (code === 10) {
      const length = view.getUint8(at);
      take(1, () => `length ${length}`);
      take(length, (from) => `requestId: "${new TextDecoder().decode(bytes.subarray(from, from + length))}"`);
    }
    return `# ${i}: ${userId}\n${rows.map(printRow).join('\n')}`;
  });
  if (at !== bytes.length) throw new Error('the dump does not end where the packed bytes end');
  return steps.join('\n');
}

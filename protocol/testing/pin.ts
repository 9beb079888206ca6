/**
 * `npx tsx protocol/testing/pin.ts`: writes the golden frames and the pinned blocks of the spec anew. Run it only when
 * the wire is meant to change: every difference it makes is a difference that other clients see.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { ACCEPTED } from './accepted.ts';
import { packedBatch } from './batch-dump.ts';
import { conversation, workedBatch, workedProof } from './conversation.ts';
import { REFUSED } from './refused.ts';
import { handshake, toJson, VECTORS } from './vectors.ts';

const folder = new URL('..', import.meta.url);

/** One vector a line, so that a change of one shows as one line. */
function write(name: string, json: unknown): void {
  const text = Array.isArray(json) ? linesOf(json) : JSON.stringify(json, null, 2);
  writeFileSync(new URL(`vectors/${name}.json`, folder), `${text}\n`);
}
function linesOf(vectors: readonly unknown[]): string {
  return `[\n${vectors.map((vector) => JSON.stringify(vector)).join(',\n')}\n]`;
}

for (const [name, vectors] of Object.entries({ ...VECTORS, ...REFUSED, accepted: ACCEPTED })) write(name, vectors);
write('proof', toJson(handshake));

const readme = new URL('README.md', folder);
const blocks = { conversation: conversation(), proof: workedProof(), batch: workedBatch(), packed: packedBatch() };
let text = readFileSync(readme, 'utf8');
for (const [name, block] of Object.entries(blocks)) {
  const place = new RegExp(`(<!-- pinned: ${name} -->\n\`\`\`text\n)[^]*?(\n\`\`\`\n)`);
  if (!place.test(text)) throw new Error(`the README has no block ${name}`);
  text = text.replace(place, (_, open, close) => open + block + close);
}
writeFileSync(readme, text);

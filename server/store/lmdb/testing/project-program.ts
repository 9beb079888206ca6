/**
 * Run by tests that kill or trace it: `project-program FOLDER UNTIL` projects the journal of the data folder a block at a
 * time and says `answered USER inserted` after each, USER being that of its last claim, or `answered USER failed` and does
 * it again. After each the main thread writes as well; `kept` at the end are the rows of both.
 */
import { writeSync } from 'node:fs';
import { join } from 'node:path';
import { realRuntime } from '../../../lib/runtime.ts';
import { claimsOf, readBlock } from '../../block/reader.ts';
import { readLog } from '../../log/walk.ts';
import { openLmdbStore } from '../open.ts';

const [, , directory = ''] = process.argv;
const store = await openLmdbStore({ directory, runtime: realRuntime, nodeId: 'node' });
const projector = await store.projector?.();
if (projector === undefined) throw new Error('a store without a projector');
const from = await projector.mark();
let written = 0;
for await (const bytes of readLog(join(directory, 'journal'), { from, until: Number(process.argv[3]) })) {
  const block = readBlock(bytes, 0);
  if (typeof block === 'string') throw new Error(block);
  const last = [...claimsOf(block)].at(-1)?.record.userId;
  const until = block.offset + bytes.length;
  while ((await projector.mark()) < until) {
    const outcome = await projector.advance(until, 1).then(
      ({ conflicts }) => (conflicts.length === 0 ? 'inserted' : 'conflict'),
      () => 'failed',
    );
    writeSync(1, `answered ${last} ${outcome}\n`);
    await store.qualifications.add('summer', [`written-${written++}`]);
  }
}
const pairs = Array.from({ length: written }, (_, index) => ({ eventKey: 'summer', userId: `written-${index}` }));
const rows = [...(await store.claims.list({}, { limit: 1_000 })), ...(await store.qualifications.has(pairs))];
writeSync(1, `kept ${rows.filter(Boolean).length}\n`);
await projector.close();
await store.close();

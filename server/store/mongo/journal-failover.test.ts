/**
 * Three members and a primary that goes away while blocks are appended and projected. What was told to be durable is there,
 * what was in doubt is settled, and the owner stays the owner.
 */
import { assert, suite } from '../../../protocol/testing/kit.ts';
import { mongodReason, startReplicaSet } from '../../testing/mongod.ts';
import { readBlock } from '../block/reader.ts';
import { blocksOf, ClaimBlocks, usersOf } from './testing/claim-blocks.ts';
import { Homes, opened } from './testing/homes.ts';

const test = suite('mongo journal failover');
const set = mongodReason === null ? await startReplicaSet({ members: 3 }) : null;

/** After the disturbance writers go on until so many more blocks are durable. */
const BLOCKS_AFTER = 20;

for (const [name, kill] of [
  ['kill -9 of the primary', true],
  ['a step-down', false],
] as const) {
  test(
    `${name}: every block is told once, in order, and is there`,
    async () => {
      if (set === null) return;
      const homes = await Homes.open(set.freshUri());
      const journal = await opened(homes.home('node1'), 'b1');
      const blocks = new ClaimBlocks(journal);
      let durable = 0;
      let left = Number.POSITIVE_INFINITY;
      let wasInDoubt = false;
      const appendOn = async (lane: string) => {
        for (; left > 0; left--) {
          assert.is(await blocks.append(usersOf(`${lane}.${durable}.`, 200)), 'DURABLE');
          durable++;
        }
      };
      const appending = Promise.all(['a', 'b', 'c'].map(appendOn));
      while (durable < 20) await new Promise((resolve) => setImmediate(resolve));
      const primary = await set.primary();
      if (kill) {
        await primary.kill('SIGKILL');
        while (journal.state().isWell) await new Promise((resolve) => setImmediate(resolve));
        wasInDoubt = true;
        await set.primary();
      } else await set.stepDown();
      left = BLOCKS_AFTER;
      await appending;
      assert.is(wasInDoubt, kill);
      assert.is(journal.state().isWell || journal.state().detail?.startsWith('the lease'), true);
      const next = await opened(homes.home('node1'), 'b2');
      const found = (await blocksOf(next)).map((bytes) => readBlock(bytes, 0));
      assert.equal(
        found.map((block) => (typeof block === 'string' ? block : block.sequence)),
        Array.from({ length: durable }, (_, index) => index + 1),
      );
      await homes.close();
      if (kill) await primary.start();
    },
    { skip: mongodReason },
  );
}

test('the replica set is stopped', async () => set?.stop());

/** Lists of users over two servers of one store, each with its own memory of them: who is let in where, and from when on. */

import { gaugeOf } from '../../../bench/processes/gauges.ts';
import { assert, suite } from '../../../protocol/testing/kit.ts';
import { type Running, startServer } from '../servers.ts';
import { STORE_CASES, stopStores } from '../stores.ts';

const test = suite('listed events on two servers');
const REMOVAL_MS_MAX = 3_000;

type Pair = { one: Running; two: Running };

/** Each server has asked about the list, and has it in memory. */
async function remembered({ client }: Running, users: number): Promise<void> {
  await client.claim({ eventKey: 'vip', userId: 'nobody' });
  while ((await gaugeOf(client, 'claimd_eligibility_users')) !== users) {
    await new Promise((resolve) => setImmediate(resolve));
  }
}

async function codeOf({ client }: Running, userId: string): Promise<string> {
  return (await client.claim({ eventKey: 'vip', userId })).code;
}

for (const { name, skip, withStores } of STORE_CASES) {
  async function withPair(use: (pair: Pair) => Promise<void>): Promise<void> {
    await withStores(2, async ([first, second]) => {
      if (first === undefined || second === undefined) throw new Error('two handles');
      const one = await startServer(first, { nodeId: 'one' });
      const two = await startServer(second, { nodeId: 'two' });
      try {
        await one.client.events.create({ eventKey: 'vip', eligibility: { kind: 'listed' } });
        await use({ one, two });
      } finally {
        await one.stop();
        await two.stop();
      }
    });
  }

  test(
    `${name}: who is added on one server is let in at once on both, who is removed nowhere three seconds later`,
    () =>
      withPair(async ({ one, two }) => {
        const users = Array.from({ length: 600 }, (_, n) => `user${n}`);
        await one.client.qualifications.add('vip', users);
        await Promise.all([remembered(one, 600), remembered(two, 600)]);
        for (let n = 0; n < 20; n++) {
          await one.client.qualifications.add('vip', [`late${n}`]);
          assert.is(await codeOf(n % 2 === 0 ? two : one, `late${n}`), 'GRANTED');
        }
        assert.equal([await codeOf(one, 'stranger'), await codeOf(two, 'stranger')], ['NOT_ELIGIBLE', 'NOT_ELIGIBLE']);

        await one.client.qualifications.remove('vip', users);
        const removedAt = performance.now();
        let [lastGrantedMs, refused] = [0, 0];
        for (let n = 0; refused < 50 && n < users.length - 1; n++) {
          assert.is(await codeOf(one, users.pop() ?? ''), 'NOT_ELIGIBLE', 'at once where it was removed');
          const sentMs = performance.now() - removedAt;
          const isGranted = (await codeOf(two, `user${n}`)) === 'GRANTED';
          if (isGranted) lastGrantedMs = sentMs;
          refused = isGranted ? 0 : refused + 1;
          await new Promise((resolve) => setTimeout(resolve, 5));
        }
        assert.is(refused, 50);
        assert.ok(lastGrantedMs < REMOVAL_MS_MAX, `granted after ${lastGrantedMs} ms`);
      }),
    { skip },
  );
}

test('the stores are stopped', stopStores);

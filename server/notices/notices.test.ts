/** What an edge is told, over real sockets, by the server that did it and by the other one. */
import type { Client } from '../../clients/index.ts';
import { assert, suite } from '../../protocol/testing/kit.ts';
import { AccountClient } from '../testing/account-client.ts';
import { type Running, startServer } from '../testing/servers.ts';
import { STORE_CASES, stopStores } from '../testing/stores.ts';

const test = suite('notices');
const EVERYWHERE_MS = 2_000;

type Told = { name: string; args: readonly unknown[] };

/** Everything that a server tells a client, and a wait for what is to come. */
function ear(client: Client) {
  const heard: Told[] = [];
  let wake = () => {};
  const stop = client.listen({
    onNotice(notice) {
      heard.push(notice);
      wake();
    },
    onState: () => {},
  });
  async function hear(holds: (told: Told) => boolean): Promise<{ args: readonly unknown[]; ms: number }> {
    const startedAt = performance.now();
    for (;;) {
      const at = heard.findIndex(holds);
      if (at >= 0) return { args: heard.splice(at, 1)[0]?.args ?? [], ms: performance.now() - startedAt };
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
  }
  return { heard, hear, stop };
}

for (const { name, skip, withStores } of STORE_CASES) {
  test(
    `${name}: events, claims and revocations reach the edges of both servers within 2 s`,
    () =>
      withStores(2, async (stores) => {
        const servers: Running[] = [];
        for (const [i, store] of stores.entries()) servers.push(await startServer(store, { nodeId: `n${i}` }));
        const [one, two] = servers.map(({ client }) => new AccountClient(client)) as [AccountClient, AccountClient];
        const ears = [one, two].map(({ client }) => ear(client));
        try {
          await one.done('EVENT_CREATE', null, { eventKey: 'welcome', stock: 3 });
          await one.done('CLAIM', null, 'welcome', 'early', 'r0', null);
          const mira = await one.signUp('mira');
          for (const account of [one, two]) {
            const [standings] = await account.done('SUBSCRIBE', null, ['welcome', 'later'], ['u1']);
            assert.equal(standings, [['welcome', 'LIVE', 2]]);
          }
          const both = async (holds: (told: Told) => boolean) => {
            for (const { args, ms } of await Promise.all(ears.map(({ hear }) => hear(holds)))) {
              assert.ok(ms < EVERYWHERE_MS, `${JSON.stringify(args)} after ${ms} ms`);
            }
          };
          const isEvent = (eventKey: string, state: string, left: number | null) => (told: Told) =>
            told.name === 'EVENT_CHANGED' && JSON.stringify(told.args) === JSON.stringify([eventKey, state, left]);

          await one.done('CLAIM', null, 'welcome', 'u1', 'r1', null);
          await both(({ name: told, args }) => told === 'CLAIM_GRANTED' && (args[0] as unknown[])[2] === 'u1');
          await both(isEvent('welcome', 'LIVE', 1));
          await two.done('CLAIM', null, 'welcome', 'u2', 'r2', null);
          await both(isEvent('welcome', 'LIVE', 0));
          await two.done('EVENT_PAUSE', null, 'welcome');
          await both(isEvent('welcome', 'PAUSED', 0));
          await one.done('EVENT_CREATE', null, { eventKey: 'later' });
          await both(isEvent('later', 'LIVE', null));
          await one.done('USER_LOGOUT', null, mira.user.id);
          await both(({ name: told, args }) => told === 'REVOKED' && args[1] === mira.signedIn.session.id);
          await both(({ name: told, args }) => told === 'REVOKED' && args[0] === mira.user.id && args[1] === null);
          for (const { heard } of ears)
            assert.equal(
              heard.filter(({ name: told }) => told === 'CLAIM_GRANTED'),
              [],
            );
        } finally {
          for (const { stop } of ears) stop();
          for (const server of servers) await server.stop();
        }
      }),
    { skip },
  );
}

const [lmdb] = STORE_CASES;

test('who subscribes later gets the revocations in force; who has left is told nothing more', async () => {
  await lmdb?.withStores(1, async ([store]) => {
    if (store === undefined) throw new Error('one handle');
    const running = await startServer(store);
    const account = new AccountClient(running.client);
    const { heard, hear, stop } = ear(running.client);
    try {
      const { actor } = await account.signUp('mira');
      await account.done('LOGOUT', actor);
      assert.equal(await account.done('SUBSCRIBE', null, null, ['u1']), [[]]);
      await hear(({ name, args }) => name === 'REVOKED' && args[1] === actor[1]);
      await account.done('EVENT_CREATE', null, { eventKey: 'a' });
      await account.done('UNSUBSCRIBE', null, null, ['u1']);
      await account.done('CLAIM', null, 'a', 'u1', 'r1', null);
      // The reply to a later request comes after any notice that was sent before it.
      await account.done('EVENT_GET', null, 'a');
      assert.equal(heard, []);
    } finally {
      stop();
      await running.stop();
    }
  });
});

test('the stores are stopped', stopStores);

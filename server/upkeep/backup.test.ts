/** The program itself: backed up under load, restored into another folder, killed, and compared. */
import { join } from 'node:path';
import { type Client, connect } from '../../clients/index.ts';
import { assert, suite } from '../../protocol/testing/kit.ts';
import { type Programs, type Running, valueIn, withPrograms } from '../testing/program.ts';
import { comparison } from './testing/comparison.ts';

const test = suite('backup');
const EVENTS = ['busy', 'plain', 'scarce'] as const;
const SERVICE_KEY = Buffer.alloc(32, 5).toString('base64');
const KEYS = ['--service-keys', `ops:${SERVICE_KEY}:game+edge+admin`];

async function started({ start }: Programs, data: string): Promise<{ server: Running; tcp: string; client: Client }> {
  const server = start(['server', '--data', data, '--demo', 'off', ...KEYS]);
  const tcp = valueIn(await server.line('claimd ready '), 'tcp');
  const client = await connect({ servers: tcp, serviceId: 'ops', serviceKey: Buffer.from(SERVICE_KEY, 'base64') });
  return { server, tcp, client };
}

/** Claims in batches until it is stopped; resolves with the request ids that were granted. */
function load(client: Client): { granted: Set<string>; stop(): Promise<void> } {
  const granted = new Set<string>();
  let isOver = false;
  async function work(eventKey: string): Promise<void> {
    for (let batch = 0; !isOver; batch++) {
      const userIds = Array.from({ length: 50 }, (_, i) => `u${batch}-${i}`);
      const replies = await client.claimBatch({
        eventKey,
        userIds,
        batchId: `${eventKey}-${batch}`,
        deadlineMs: 2_000,
      });
      for (const [i, { code, requestId }] of replies.entries()) {
        if (code === 'GRANTED') granted.add(`${eventKey} ${userIds[i]} ${requestId}`);
      }
      if (replies.some(({ code }) => code === 'SERVER_UNAVAILABLE' || code === 'OUTCOME_UNKNOWN')) return;
    }
  }
  const workers = EVENTS.map(work);
  return {
    granted,
    async stop() {
      isOver = true;
      await Promise.all(workers);
    },
  };
}

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setImmediate(resolve));
}

async function demandAll(client: Client, granted: readonly string[]): Promise<void> {
  const asked = await Promise.all(
    granted.map(async (line) => {
      const [eventKey = '', userId = '', requestId = ''] = line.split(' ');
      const reply = await client.claim({ eventKey, userId, requestId, deadlineMs: 10_000 });
      return reply.code === 'REPLAYED' ? null : `${line}: ${reply.code}`;
    }),
  );
  assert.equal(
    asked.filter((line) => line !== null),
    [],
  );
}

test(
  'under load: what was acknowledged before it began is in the restored store, nothing twice; kill -9 leaves no mismatch',
  () =>
    withPrograms(async (programs) => {
      const { folder, start } = programs;
      const first = await started(programs, join(folder, 'first'));
      for (const eventKey of EVENTS) {
        const stock = eventKey === 'scarce' ? 1_000_000 : null;
        await first.client.events.create({ eventKey, mode: eventKey === 'plain' ? 'direct' : 'journal', stock });
      }
      const running = load(first.client);
      await until(() => running.granted.size > 1_500);
      const before = [...running.granted];
      const copy = join(folder, 'copy');
      const beside = [...KEYS, '--data', folder, '--server', first.tcp];
      const backup = await start(['backup', copy, ...beside]).exit;
      assert.is(backup.code, 0, backup.stdout + backup.stderr);
      assert.ok(JSON.parse(backup.stdout).claims >= before.length);

      first.server.signalGroup('SIGKILL');
      await running.stop();
      first.client.close();
      await first.server.exit;
      const to = ['--store', `lmdb:${join(folder, 'second')}`];
      const [again, restored] = await Promise.all([
        started(programs, join(folder, 'first')),
        start(['restore', copy, ...to]).exit,
      ]);
      assert.equal(await comparison(again.client, Date.now() - 1), [], 'after kill -9');
      again.client.close();
      again.server.signal('SIGTERM');
      assert.is(restored.code, 0, restored.stderr);
      const second = await started(programs, join(folder, 'second'));
      await demandAll(second.client, before.slice(-800));
      assert.equal(await comparison(second.client, Date.now() - 1), [], 'restored');
      second.client.close();
      second.server.signal('SIGTERM');
      await Promise.all([again.server.exit, second.server.exit]);
    }),
  { deadlineMs: 90_000 },
);

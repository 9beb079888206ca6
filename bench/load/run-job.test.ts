import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { connect } from '../../clients/index.ts';
import { assert, rejection, suite } from '../../protocol/testing/kit.ts';
import { type Claimd, createEvents } from '../processes/claimd.ts';
import { withClaimd } from '../testing/running-claimd.ts';
import { newTag, requestIdOf, userIdOf } from './ids.ts';
import type { Claims, Dialect, Job } from './job.ts';
import { runJob } from './run-job.ts';

const test = suite('load process');

const CLOSED = {
  connections: 3,
  depth: 4,
  batchClaims: 1,
  pace: { kind: 'closed' },
  warmUpMs: 0,
  measureMs: 20_000,
} as const;

function claims(eventKey: string, userCount: number | null = null): Claims {
  return { eventKeys: [eventKey], userTag: newTag(), requestTag: newTag(), userCount };
}

async function clientOf({ tcp, credentials: { service } }: Claimd) {
  const servers = `${tcp.host}:${tcp.port}`;
  return connect({ servers, serviceId: service.serviceId, serviceKey: service.key });
}

/** What the lean generator says must be what the real client finds. */
test('what it counted is what the client finds', async () => {
  await withClaimd({ parts: 'apart' }, async (claimd) => {
    await createEvents(claimd, ['tcp', 'batch', 'http']);
    const dialect: Dialect = { kind: 'claimd', credential: claimd.credentials.service };
    const overTcp = claims('tcp');
    const job: Job = { ...CLOSED, dialect, target: claimd.tcp, claims: overTcp, claimsMax: 100 };
    const granted = await runJob(job);
    assert.equal([granted.sent, granted.outcomes], [100, { GRANTED: 100 }]);
    assert.ok(granted.perS > 0 && granted.latencyMs.p50 > 0);
    const again = await runJob({ ...job, claims: { ...overTcp, requestTag: newTag() } });
    assert.equal(again.outcomes, { ALREADY_CLAIMED: 100 });

    const overBatch = claims('batch');
    const batchJob: Job = { ...job, claims: overBatch, batchClaims: 25, depth: 2 };
    assert.equal((await runJob(batchJob)).outcomes, { GRANTED: 100 });
    const batchAgain = await runJob({ ...batchJob, claims: { ...overBatch, requestTag: newTag() } });
    assert.equal([batchAgain.sent, batchAgain.outcomes], [100, { ALREADY_CLAIMED: 100 }]);

    const overHttp = claims('http', 20);
    const signer = claimd.credentials.signer;
    const target = claimd.http ?? claimd.tcp;
    const httpJob: Job = {
      ...CLOSED,
      dialect: { kind: 'http', signer },
      target,
      claims: overHttp,
      depth: 1,
      claimsMax: null,
    };
    assert.equal((await runJob(httpJob)).outcomes, { GRANTED: 20 });

    const client = await clientOf(claimd);
    for (const [eventKey, { userTag, requestTag }, index] of [
      ['tcp', overTcp, 99],
      ['http', overHttp, 19],
    ] as const) {
      const reply = await client.claim({ eventKey, userId: userIdOf(index, userTag) });
      assert.is(reply.code, 'ALREADY_CLAIMED');
      assert.is('claim' in reply && reply.claim.requestId, requestIdOf(index, requestTag));
    }
    assert.is((await client.claim({ eventKey: 'tcp', userId: userIdOf(100, overTcp.userTag) })).code, 'GRANTED');
    client.close();
  });
});

/** Redis's protocol from a server that stalls once: the answers of a moment come all at its end. */
async function withStallingServer(stallMs: number, use: (port: number) => Promise<void>): Promise<void> {
  let stalledUntilMs = Number.POSITIVE_INFINITY;
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    let seen = 0;
    socket.on('data', (chunk) => {
      const answers = chunk.toString('latin1').split('SET').length - 1;
      seen += answers;
      if (seen > 50 && stalledUntilMs === Number.POSITIVE_INFINITY) stalledUntilMs = performance.now() + stallMs;
      const waitMs = seen > 50 ? stalledUntilMs - performance.now() : 0;
      if (waitMs <= 0) socket.write('+OK\r\n'.repeat(answers));
      else setTimeout(() => socket.write('+OK\r\n'.repeat(answers)), waitMs);
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  try {
    await use(typeof address === 'object' ? (address?.port ?? 0) : 0);
  } finally {
    for (const socket of sockets) socket.destroy();
    server.close();
  }
}

test('in an open loop a stall costs every request that was due in it', async () => {
  await withStallingServer(200, async (port) => {
    const shared = { dialect: { kind: 'resp' }, target: { host: '127.0.0.1', port }, claimsMax: null } as const;
    const job: Job = { ...CLOSED, ...shared, claims: claims('e'), connections: 1, depth: 1, measureMs: 400 };
    const { latencyMs, sent, outcomes } = await runJob({ ...job, pace: { kind: 'open', ratePerS: 500 } });
    assert.is(sent, 200);
    assert.equal(outcomes, { GRANTED: sent });
    // With one slot only one request waits for the stall itself; the 99 behind it were due meanwhile.
    assert.ok(latencyMs.p99 > 150, `p99 ${latencyMs.p99} ms`);
    assert.ok(latencyMs.max >= 195, `max ${latencyMs.max} ms`);
  });
});

test('a server that goes away fails the job', async () => {
  const server = createServer((socket) => {
    socket.on('error', () => {});
    socket.once('data', () => socket.destroy());
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' ? (address?.port ?? 0) : 0;
  const job: Job = {
    ...CLOSED,
    dialect: { kind: 'resp' },
    target: { host: '127.0.0.1', port },
    claims: claims('e'),
    claimsMax: 10,
  };
  const failed = await rejection(runJob(job));
  assert.match(failed.message, /closed a connection|ECONNRESET/);
  server.close();
});

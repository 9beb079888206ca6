/**
 * What it costs that the same load is spread: over few and many connections with as many claims in flight in all, over one
 * event and many, over one shard and many.
 */
import type { Job } from '../load/job.ts';
import { createEvents } from '../processes/claimd.ts';
import { attempt, type Case, claimdFor, freshClaims, jobOf, measure, newEventKey, startGenerator } from './case.ts';

const IN_FLIGHT = 800;
const DEPTH = 16;

type Width = { label: string; events: number; settings: readonly string[]; job: Pick<Job, 'depth'> & Partial<Job> };

export const growthWidth: Case = async (bench, figures) => {
  const { connections, events, shards } = bench.options.sizes;
  const usual = { events: 1, settings: [], job: { depth: DEPTH } };
  const widths: Width[] = [
    ...connections.map((count) => {
      const depth = Math.max(1, Math.round(IN_FLIGHT / count));
      return { ...usual, label: `${counted(count, 'connection')} × ${depth}`, job: { connections: count, depth } };
    }),
    ...events.map((count) => ({ ...usual, label: counted(count, 'event'), events: count })),
    ...shards.map((count) => ({ ...usual, label: counted(count, 'shard'), settings: ['--shards', `${count}`] })),
  ];
  const generator = await startGenerator(bench);
  for (let round = 0; round < bench.options.rounds; round++) {
    for (const { label, events, settings, job } of widths) {
      await attempt(figures, label, async () => {
        const claimd = await claimdFor(bench, { parts: 'server', settings });
        const eventKeys = Array.from({ length: events }, newEventKey);
        await createEvents(claimd, eventKeys);
        const dialect = { kind: 'claimd', credential: claimd.credentials.service } as const;
        const whole = jobOf(bench, { dialect, target: claimd.tcp, claims: freshClaims(...eventKeys), ...job });
        const run = { generator, job: whole, pids: claimd.pids, expected: 'GRANTED' } as const;
        await measure(bench, figures, label, run);
        await claimd.stop();
      });
    }
  }
  await generator.stop();
};

function counted(count: number, noun: string): string {
  return `${count.toLocaleString('en-US')} ${noun}${count === 1 ? '' : 's'}`;
}

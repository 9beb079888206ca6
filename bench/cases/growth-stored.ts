/**
 * What it costs that many claims are there already: single claims of an event that has had none, ten thousand, a million,
 * ten million; then kill -9, and how long until it is ready again and has granted the first claim.
 */
import { type Claimd, createEvents } from '../processes/claimd.ts';
import { gaugesOf } from '../processes/gauges.ts';
import type { Generator } from '../processes/generator.ts';
import type { Figures } from '../report/figures.ts';
import { BACKLOG, drained } from './backlog.ts';
import { BATCHES } from './batch.ts';
import {
  type Bench,
  type Case,
  claimdFor,
  freshClaims,
  jobOf,
  measure,
  newEventKey,
  Skipped,
  startGenerator,
  voidReasonOf,
} from './case.ts';

const DEPTH = 16;
const GOALS = { rate: 0.9, readyS: 5, firstClaimS: 5 } as const;
const FILL_MS_MAX = 600_000;
const EMPTY = 'none stored';

export const growthStored: Case = async (bench, figures) => {
  if (bench.options.running !== null) throw new Skipped('it kills the claimd that it measures');
  const generator = await startGenerator(bench);
  for (let round = 0; round < bench.options.rounds; round++) {
    const claimd = await claimdFor(bench, { parts: 'server' });
    const sides = { bench, figures, generator, claimd, eventKey: newEventKey() };
    await createEvents(claimd, [sides.eventKey]);
    await measured(sides, EMPTY);
    let last = EMPTY;
    let stored = 0;
    for (const count of bench.options.sizes.stored) {
      stored += await fill(sides, count - stored);
      last = `${count.toLocaleString('en-US')} stored`;
      stored += await measured(sides, last);
      figures.compare(last, EMPTY, count === bench.options.sizes.stored.at(-1) ? GOALS.rate : null);
    }
    await restart(sides, last);
  }
  await generator.stop();
};

type Sides = { bench: Bench; figures: Figures; generator: Generator; claimd: Claimd; eventKey: string };

/** Resolves to the number of claims granted, when all that is to be done for them in the background is done. */
async function fill({ bench, generator, claimd, eventKey }: Sides, count: number): Promise<number> {
  const claimsMax = Math.ceil(Math.max(count, 0) / BATCHES.batchClaims) * BATCHES.batchClaims;
  if (claimsMax === 0) return 0;
  const window = { warmUpMs: 0, measureMs: FILL_MS_MAX, claimsMax };
  const result = await generator.run(jobOf(bench, { ...claimsOf(claimd, eventKey), ...BATCHES, ...window }));
  const failure = result.sent < claimsMax ? `${result.sent} sent` : voidReasonOf(result, 'GRANTED');
  if (failure !== null) throw new Error(`${claimsMax} claims to store: ${failure}`);
  const gauges = await gaugesOf(claimd);
  if ((await gauges.read(BACKLOG)) !== null) await drained(gauges);
  gauges.close();
  return result.sent;
}

async function measured({ bench, figures, generator, claimd, eventKey }: Sides, label: string): Promise<number> {
  const job = jobOf(bench, { ...claimsOf(claimd, eventKey), depth: DEPTH });
  const run = { generator, job, pids: claimd.pids, expected: 'GRANTED' } as const;
  const { sent } = await measure(bench, figures, label, run);
  return sent;
}

async function restart({ bench, figures, generator, claimd, eventKey }: Sides, label: string): Promise<void> {
  await claimd.kill();
  const startedMs = performance.now();
  const again = await claimdFor(bench, { parts: 'server', data: claimd.data });
  const readyS = (performance.now() - startedMs) / 1_000;
  const one = { connections: 1, depth: 1, warmUpMs: 0, measureMs: 10_000, claimsMax: 1 };
  const result = await generator.run(jobOf(bench, { ...claimsOf(again, eventKey), ...one }));
  const firstClaimS = (performance.now() - startedMs) / 1_000;
  await again.stop();
  const failure = voidReasonOf(result, 'GRANTED');
  if (failure !== null) return figures.fail('first claim after kill -9', failure);
  figures.value(`ready after kill -9, ${label}`, readyS, { unit: 's', goal: { atMost: GOALS.readyS } });
  figures.value(`first claim after kill -9, ${label}`, firstClaimS, { unit: 's', goal: { atMost: GOALS.firstClaimS } });
}

function claimsOf({ tcp, credentials }: Claimd, eventKey: string) {
  const dialect = { kind: 'claimd', credential: credentials.service } as const;
  return { dialect, target: tcp, claims: freshClaims(eventKey) };
}

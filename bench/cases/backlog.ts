/**
 * Journal mode when grants come faster than their claims can be projected: how large the backlog is after a burst at full
 * speed, how long it takes to drain, and at which rate of grants it stays flat.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { type Claimd, createEvents } from '../processes/claimd.ts';
import { type Gauges, gaugesOf } from '../processes/gauges.ts';
import type { Generator } from '../processes/generator.ts';
import type { Figures } from '../report/figures.ts';
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
} from './case.ts';
import { type Members, mongodFor } from './mongo.ts';

export const BACKLOG = 'claimd_journal_backlog_claims';
const LOOK_MS = 200;
/** Frames of a connection in flight, as many as the protocol lets it have. */
const OPEN_DEPTH = 20;
const DRAIN_MS_MAX = 3_600_000;
/** Shares of the rate at which claims were projected before, tried from the top. */
const SHARES = [1.2, 1.1, 1, 0.9, 0.8, 0.65, 0.5, 0.35] as const;
/** Flat: from the middle third of a run to the last it has grown by at most this share of what was granted in a third. */
const GROWTH_MAX = 0.05;

/** The embedded store grants so much faster that a shorter burst leaves as many. */
const EMBEDDED_SHARE = 1 / 6;

export const backlogEmbedded: Case = (bench, figures) => onStore(bench, figures, { share: EMBEDDED_SHARE });
export const backlogOne: Case = (bench, figures) => onMembers(bench, figures, 1);
export const backlogThree: Case = (bench, figures) => onMembers(bench, figures, 3);

async function onMembers(bench: Bench, figures: Figures, members: Members): Promise<void> {
  const mongod = await mongodFor(bench, members);
  try {
    await onStore(bench, figures, { share: 1, storeUri: mongod.uri('backlog') });
  } finally {
    await mongod.stop();
  }
}

type On = { share: number; storeUri?: string };

async function onStore(bench: Bench, figures: Figures, { share, ...store }: On): Promise<void> {
  const generator = await startGenerator(bench);
  const claimd = await claimdFor(bench, { parts: 'server', ...store });
  const gauges = await gaugesOf(claimd);
  try {
    if ((await gauges.read(BACKLOG)) === null) throw new Skipped(`this claimd has no metric ${BACKLOG}`);
    const burstMs = bench.options.burstMs * share;
    const sides = { bench, figures, generator, claimd, gauges, burstMs, eventKey: newEventKey() };
    await createEvents(claimd, [sides.eventKey], { mode: 'journal' });
    const projectedPerS = await burst(sides);
    await flatRate(sides, projectedPerS);
  } finally {
    gauges.close();
    await claimd.stop();
    await generator.stop();
  }
}

type Sides = {
  bench: Bench;
  figures: Figures;
  generator: Generator;
  claimd: Claimd;
  gauges: Gauges;
  burstMs: number;
  eventKey: string;
};

/** Resolves to the rate at which claims were projected meanwhile. */
async function burst(sides: Sides): Promise<number> {
  const { figures, gauges, burstMs } = sides;
  const { sent, windowMs } = await grants(sides, 'burst', { measureMs: burstMs });
  const left = (await gauges.read(BACKLOG)) ?? 0;
  const drainMs = await drained(gauges);
  figures.value('granted in the burst', sent, { unit: 'claims' });
  figures.value('backlog after it', left, { unit: 'claims' });
  figures.value('time to drain it', drainMs / 1_000, { unit: 's' });
  const drainedPerS = left / Math.max(drainMs / 1_000, 0.001);
  figures.value('projected meanwhile', drainedPerS, { unit: 'claims/s' });
  return Math.max(((sent - left) / windowMs) * 1_000, drainedPerS);
}

async function flatRate(sides: Sides, projectedPerS: number): Promise<void> {
  const { figures, gauges, bench } = sides;
  for (const share of SHARES) {
    const ratePerS = Math.max(1, projectedPerS * share);
    const measureMs = bench.options.flatMs;
    const open = { pace: { kind: 'open', ratePerS }, measureMs, depth: OPEN_DEPTH } as const;
    const thirds = meansOfThirds(gauges, measureMs);
    await grants(sides, `open, ${share} × the rate of projection`, open);
    const [, middle, last] = await thirds;
    await drained(gauges);
    if (last - middle > ((ratePerS * measureMs) / 3_000) * GROWTH_MAX) continue;
    figures.value('rate at which the backlog stays flat', ratePerS, { unit: 'claims/s' });
    return;
  }
  figures.notes.push(`the backlog grew at ${SHARES.at(-1)} × the rate of projection and above`);
}

/** Of the backlog, which swings with each projection: so means, not single looks. */
async function meansOfThirds(gauges: Gauges, durationMs: number): Promise<[number, number, number]> {
  const thirds: [number[], number[], number[]] = [[], [], []];
  const startedMs = performance.now();
  for (;;) {
    const left = (await gauges.read(BACKLOG)) ?? 0;
    const third = thirds[Math.floor(((performance.now() - startedMs) / durationMs) * 3)];
    if (third === undefined) break;
    third.push(left);
    await delay(Math.min(LOOK_MS, durationMs / 10));
  }
  return thirds.map((looks) => looks.reduce((sum, left) => sum + left, 0) / Math.max(1, looks.length)) as [
    number,
    number,
    number,
  ];
}

function grants({ bench, figures, generator, claimd, eventKey }: Sides, label: string, more: object) {
  const dialect = { kind: 'claimd', credential: claimd.credentials.service } as const;
  const job = jobOf(bench, {
    dialect,
    target: claimd.tcp,
    claims: freshClaims(eventKey),
    warmUpMs: 0,
    ...BATCHES,
    ...more,
  });
  return measure(bench, figures, label, { generator, job, pids: claimd.pids, expected: 'GRANTED' });
}

/** Resolves to the milliseconds it took until nothing was left. */
export async function drained(gauges: Gauges): Promise<number> {
  const startedMs = performance.now();
  for (;;) {
    const left = (await gauges.read(BACKLOG)) ?? 0;
    const elapsedMs = performance.now() - startedMs;
    if (left === 0) return elapsedMs;
    if (elapsedMs > DRAIN_MS_MAX) throw new Error(`${left} claims of backlog after ${DRAIN_MS_MAX / 1_000} s`);
    await delay(LOOK_MS);
  }
}

/** What every case is given, and the one way to run a job and keep its figures. */

import { credentialsOf } from '../credentials/data-folder.ts';
import { newTag } from '../load/ids.ts';
import type { Claims, Job, JobResult } from '../load/job.ts';
import type { BenchOptions } from '../options.ts';
import type { Processes } from '../processes/child.ts';
import { type Claimd, type ClaimdOptions, startClaimd, targetOf } from '../processes/claimd.ts';
import type { Cores } from '../processes/cores.ts';
import { cpuMsOf } from '../processes/cpu.ts';
import { Generator } from '../processes/generator.ts';
import { anonymousMiBOf } from '../processes/memory.ts';
import type { Figures } from '../report/figures.ts';
import type { Ceilings } from './ceilings.ts';

export type Bench = { options: BenchOptions; processes: Processes; cores: Cores; folder: string; ceilings: Ceilings };

/** Throws Skipped where this machine lacks what it needs. */
export type Case = (bench: Bench, figures: Figures) => Promise<void>;

/** A case that cannot run here; the message says why and what would help. */
export class Skipped extends Error {}

export function startGenerator({ processes, cores }: Bench): Promise<Generator> {
  return Generator.start(processes, cores.load);
}

/** One of the bench's own, or the one that runs already; that one is never stopped. */
export async function claimdFor(
  { options: { running }, processes, cores, folder }: Bench,
  options: Pick<ClaimdOptions, 'parts' | 'storeUri' | 'settings' | 'data'>,
): Promise<Claimd> {
  if (running === null) {
    return startClaimd(processes, { ...options, folder, cores: options.storeUri ? undefined : cores.system });
  }
  return {
    tcp: targetOf(running.server),
    http: running.http === null ? null : targetOf(running.http),
    data: running.data,
    credentials: await credentialsOf(running.data),
    pids: [],
    stop: async () => {},
    kill: () => Promise.reject(new Error('the running claimd is not ours to kill')),
  };
}

export function newEventKey(): string {
  return `bench-${newTag()}`;
}

/** Users and request ids that nobody has had before. */
export function freshClaims(...eventKeys: readonly string[]): Claims {
  return { eventKeys, userTag: newTag(), requestTag: newTag(), userCount: null };
}

/** The window and the connections of the options; a closed loop of single claims without a bound. */
export function jobOf(
  { options: { connections, warmUpMs, measureMs } }: Bench,
  job: Pick<Job, 'dialect' | 'target' | 'claims' | 'depth'> & Partial<Job>,
): Job {
  const pace = { kind: 'closed' } as const;
  return { connections, warmUpMs, measureMs, pace, batchClaims: 1, claimsMax: null, ...job };
}

export type Run = { generator: Generator; job: Job; pids: readonly number[]; expected: 'GRANTED' | 'ALREADY_CLAIMED' };

/** Runs a job and keeps its figures under a label. */
export async function measure(bench: Bench, figures: Figures, label: string, run: Run): Promise<JobResult> {
  const ceilingPerS = await bench.ceilings.of(run.generator, run.job);
  const cpuBeforeMs = run.pids.length === 0 ? null : cpuMsOf(run.pids);
  const startedMs = performance.now();
  const result = await run.generator.run(run.job);
  const elapsedMs = performance.now() - startedMs;
  const cpuAfterMs = cpuBeforeMs === null ? null : cpuMsOf(run.pids);
  const cpuMs = cpuBeforeMs === null || cpuAfterMs === null ? null : cpuAfterMs - cpuBeforeMs;
  figures.add(label, {
    ...result,
    systemCpu: cpuMs === null ? null : cpuMs / elapsedMs,
    systemUsPerAnswer: cpuMs === null ? null : (cpuMs * 1_000) / result.sent,
    anonymousMiB: anonymousMiBOf(run.pids),
    ceilingPerS,
    voidReason: voidReasonOf(result, run.expected),
  });
  return result;
}

/** Every claim must have had the one outcome that makes the run what it says it is. */
export function voidReasonOf({ sent, outcomes }: JobResult, expected: string): string | null {
  const had = outcomes[expected] ?? 0;
  if (sent > 0 && had === sent) return null;
  return `${sent} sent, ${had} ${expected}: ${JSON.stringify(outcomes)}`;
}

/** Who goes first alternates, so that a machine that slows down or speeds up is no one's advantage. */
export function inTurn<T>(round: number, sides: readonly T[]): readonly T[] {
  return round % 2 === 0 ? sides : [...sides].reverse();
}

/** One side or step of a case: what goes wrong with it is told as its own failure, and the others go on. */
export async function attempt(figures: Figures, label: string, step: () => Promise<unknown>): Promise<void> {
  try {
    await step();
  } catch (error) {
    figures.fail(label, error instanceof Error ? error.message : String(error));
  }
}

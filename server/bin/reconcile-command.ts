/**
 * `claimd reconcile`: asks for the comparison part by part and prints what does not agree. How far it is goes to stderr.
 * Stopped, it keeps its place for an hour; the same command then goes on, as of the same moment.
 */
import { EXIT } from '../../clients/cli.ts';
import { type Client, problemJson } from '../../clients/index.ts';
import { Progress, type ProgressSink } from '../../clients/progress.ts';
import { LIMITS } from '../../protocol/limits.ts';
import { isSuccess, type Problem } from '../../protocol/reply.ts';
import type { Result } from '../../protocol/results.ts';
import type { Runtime } from '../../protocol/runtime.ts';
import { decodeMismatch, type Mismatch, type RivalClaim } from '../../protocol/upkeep.ts';
import { ResumeFile } from './resume-file.ts';

const CALL = { deadlineMs: LIMITS.deadlineMsMax } as const;
const SAVE_MS = 1_000;
const KEPT_MS_MAX = 3_600_000;
/** Of what is listed; the others are counted. */
const LISTED_MAX = 100_000;

export type ReconcileOptions = {
  client: Pick<Client, 'request'>;
  /** Milliseconds since 1970; null leaves it to the server. */
  asOf: number | null;
  data: string;
  servers: string;
  runtime: Runtime;
  sink: ProgressSink;
  print: (text: string) => void;
  stop: AbortSignal;
};

type Kept = { asOf: number; cursor: string | null; checked: number; mismatches: Mismatch[]; unlisted: number };

/** Resolves to the exit code: 1 where something does not agree, or it did not come to the end. */
export async function reconcile(options: ReconcileOptions): Promise<number> {
  const { sink, stop, print, data, servers, asOf } = options;
  const words = ['reconcile', servers, String(asOf)];
  const resume = new ResumeFile<Kept>({ data, words, stamp: '' });
  const kept = await recent(resume, options);
  if (kept !== null && sink.isTerminal) sink.write('reconcile: going on where it was stopped\n');
  const run = new Run(options, resume, kept);
  const problem = await run.through();
  if (problem !== null) {
    print(`${JSON.stringify(problemJson(problem), null, 2)}\n`);
    return EXIT.failed;
  }
  if (stop.aborted && !run.isWhole) {
    if (sink.isTerminal) sink.write('The same command goes on from here.\n');
    return EXIT.failed;
  }
  await resume.remove();
  print(`${JSON.stringify(run.json(), null, 2)}\n`);
  return run.count === 0 ? EXIT.done : EXIT.failed;
}

async function recent(resume: ResumeFile<Kept>, { runtime, asOf }: ReconcileOptions): Promise<Kept | null> {
  const kept = await resume.read();
  const isOld = kept !== null && asOf === null && runtime.wallMs() - kept.asOf > KEPT_MS_MAX;
  return isOld ? null : kept;
}

class Run {
  isWhole = false;
  readonly #options: ReconcileOptions;
  readonly #resume: ResumeFile<Kept>;
  readonly #progress: Progress;
  /** By their text: who goes on may be told the same again. */
  readonly #mismatches = new Map<string, Mismatch>();
  #unlisted: number;
  #asOf: number | null;
  #cursor: string | null;
  #checked: number;
  #total = 0;
  #savedAt: number;

  constructor(options: ReconcileOptions, resume: ResumeFile<Kept>, kept: Kept | null) {
    const { runtime, sink } = options;
    this.#options = options;
    this.#resume = resume;
    this.#progress = new Progress({ runtime, sink, label: 'reconcile', unit: 'claims' });
    this.#asOf = kept?.asOf ?? options.asOf;
    this.#cursor = kept?.cursor ?? null;
    this.#checked = kept?.checked ?? 0;
    this.#unlisted = kept?.unlisted ?? 0;
    this.#savedAt = runtime.monotonicMs();
    for (const mismatch of kept?.mismatches ?? []) this.#note(mismatch);
  }

  get count(): number {
    return this.#mismatches.size + this.#unlisted;
  }

  /** What stood in the way, or null. */
  async through(): Promise<Problem | null> {
    const { client, stop } = this.#options;
    while (!stop.aborted) {
      const reply = await client.request('RECONCILE', [null, this.#asOf, this.#cursor], CALL);
      if (!isSuccess(reply)) return this.#stopped(reply);
      const [cursor, asOf, checked, total, mismatches] = reply.result as Result<'RECONCILE'>;
      this.#asOf = asOf;
      this.#cursor = cursor;
      this.#checked += checked;
      this.#total = total;
      for (const tuple of mismatches) this.#note(decodeMismatch(tuple));
      if (cursor === null) return this.#ended();
      this.#progress.show(this.#step());
      await this.#save();
    }
    return this.#stopped(null);
  }

  json(): object {
    const mismatches = [...this.#mismatches.values()].map(({ slot, claimKey, journaled, stored, ...where }) => ({
      ...where,
      ...(slot === null ? { claimKey } : { slot }),
      ...(journaled && stored && { journaled: rivalJson(journaled), stored: rivalJson(stored) }),
    }));
    const more = this.#unlisted === 0 ? {} : { unlisted: this.#unlisted };
    return { asOf: new Date(this.#asOf ?? 0).toISOString(), mismatches, ...more };
  }

  #ended(): null {
    this.isWhole = true;
    this.#progress.end({ ...this.#step(), total: this.#checked });
    return null;
  }

  async #stopped(problem: Problem | null): Promise<Problem | null> {
    this.#progress.end(this.#step());
    await this.#save(0);
    return problem;
  }

  #step() {
    // Some claims are looked at more than once.
    return { done: this.#checked, total: Math.max(this.#total, this.#checked), items: this.#checked };
  }

  #note(mismatch: Mismatch): void {
    const text = JSON.stringify(mismatch);
    if (this.#mismatches.size < LISTED_MAX) this.#mismatches.set(text, mismatch);
    else if (!this.#mismatches.has(text)) this.#unlisted++;
  }

  async #save(everyMs: number = SAVE_MS): Promise<void> {
    const now = this.#options.runtime.monotonicMs();
    if (this.#asOf === null || now - this.#savedAt < everyMs) return;
    this.#savedAt = now;
    await this.#resume.write({
      ...{ asOf: this.#asOf, cursor: this.#cursor, checked: this.#checked, unlisted: this.#unlisted },
      mismatches: [...this.#mismatches.values()],
    });
  }
}

function rivalJson({ grantedAt, ...claim }: RivalClaim): object {
  return { ...claim, grantedAt: new Date(grantedAt).toISOString() };
}

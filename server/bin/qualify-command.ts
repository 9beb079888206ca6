/**
 * `claimd qualify EVENT FILE`: a file of user ids through a running server onto an event's list, or off it. How far it has
 * come is shown on stderr, what has become of the rows on stdout. It may be stopped at any time; the same command then goes
 * on where the last one came to, unless the file is another by now or the list is not as it was left.
 */
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { extname, resolve } from 'node:path';
import type { Readable } from 'node:stream';
import { EXIT } from '../../clients/cli.ts';
import { type Client, problemJson } from '../../clients/index.ts';
import { Progress, type ProgressSink } from '../../clients/progress.ts';
import { type UploadKind, uploadJson } from '../../clients/upload/json.ts';
import { HeaderMissing, type RowFormat } from '../../clients/upload/rows.ts';
import { BEGINNING, type Carried, type Progressed, Upload } from '../../clients/upload/upload.ts';
import { LIMITS } from '../../protocol/limits.ts';
import type { Problem } from '../../protocol/reply.ts';
import type { Runtime } from '../../protocol/runtime.ts';
import { StartFailed } from './refused.ts';
import { ResumeFile } from './resume-file.ts';

const SAVE_MS = 1_000;
const CALL = { deadlineMs: LIMITS.deadlineMsMax } as const;
const FORMATS: Readonly<Record<string, RowFormat>> = { '.csv': 'csv', '.ndjson': 'ndjson', '.jsonl': 'ndjson' };
const SNIFFED_BYTES = 1_024;
const OBJECT_BEGINS = '{'.charCodeAt(0);

export type QualifyOptions = {
  client: Pick<Client, 'qualifications'>;
  event: string;
  /** `-` is stdin, with which nothing can go on. */
  file: string;
  kind: UploadKind;
  /** The folder in which it is kept how far it came, and the servers of which that is true. */
  data: string;
  servers: string;
  runtime: Runtime;
  /** For people; the result goes to `print`. */
  sink: ProgressSink;
  print: (text: string) => void;
  /** Aborted, it ends when what is under way is answered. */
  stop: AbortSignal;
};

type Kept = Progressed & { format: RowFormat };
type Source = { bytes: number | null; open: (offset: number) => Readable; resume: ResumeFile<Kept> | null };

/** Resolves to the exit code. Rejects with StartFailed when the file cannot be read. */
export async function qualifyFile(options: QualifyOptions): Promise<number> {
  const { file, kind, print, sink } = options;
  const source = await sourceOf(options);
  const kept = await keptOf(options, source);
  if (kept !== null && sink.isTerminal) sink.write(`${file}: going on behind line ${kept.position.line}\n`);
  const run = new Run(options, source, kept);
  const problem = await run.through();
  const { tally } = run;
  print(
    `${JSON.stringify({ ...uploadJson(kind, tally), ...(problem === null ? {} : problemJson(problem)) }, null, 2)}\n`,
  );
  if (run.isDone) return EXIT.done;
  if (sink.isTerminal && source.resume !== null) sink.write('The same command goes on from here.\n');
  return EXIT.failed;
}

class Run {
  /** The whole file has been carried out. */
  isDone = false;
  readonly #options: QualifyOptions;
  readonly #source: Source;
  readonly #kept: Kept | null;
  readonly #progress: Progress;
  #format: RowFormat | null;
  #upload: Upload | null = null;
  #savedAt: number;

  constructor(options: QualifyOptions, source: Source, kept: Kept | null) {
    const { event, kind, runtime, sink } = options;
    const label = `${kind === 'add' ? 'qualify' : 'disqualify'} ${event}`;
    this.#options = options;
    this.#source = source;
    this.#kept = kept;
    this.#progress = new Progress({ runtime, sink, label, unit: 'rows' });
    this.#format = kept?.format ?? FORMATS[extname(options.file).toLowerCase()] ?? null;
    this.#savedAt = runtime.monotonicMs();
  }

  get tally() {
    return this.#upload?.tally ?? this.#kept ?? BEGINNING;
  }

  /** What stood in the way, or null. */
  async through(): Promise<Problem | null> {
    const { file, stop } = this.#options;
    const stream = this.#source.open(this.#kept?.position.offset ?? 0);
    const quit = () => stream.destroy();
    stop.addEventListener('abort', quit, { once: true });
    if (stop.aborted) quit();
    try {
      for await (const chunk of stream) {
        await this.#take(chunk as Buffer);
        if (stop.aborted || this.#started().isOver) break;
      }
    } catch (error) {
      if (error instanceof HeaderMissing) return headerMissing(error);
      if (!stop.aborted) throw unreadable(file, error);
    } finally {
      stop.removeEventListener('abort', quit);
      await this.#upload?.settle();
    }
    return this.#end();
  }

  async #take(chunk: Buffer): Promise<void> {
    const { runtime } = this.#options;
    // Rows of NDJSON are objects, and no header of a CSV file begins like one; a byte order mark is trimmed too.
    this.#format ??=
      chunk.toString('utf8', 0, SNIFFED_BYTES).trimStart().charCodeAt(0) === OBJECT_BEGINS ? 'ndjson' : 'csv';
    const upload = this.#started();
    this.#progress.show(this.#step());
    await upload.push(chunk);
    this.#progress.show(this.#step());
    if (runtime.monotonicMs() - this.#savedAt < SAVE_MS) return;
    await this.#save();
    this.#savedAt = runtime.monotonicMs();
  }

  async #end(): Promise<Problem | null> {
    const { stop } = this.#options;
    const upload = this.#started();
    // A signal that comes from here on is too late.
    const isWhole = !stop.aborted;
    try {
      if (isWhole) await upload.end();
    } catch (error) {
      if (error instanceof HeaderMissing) return headerMissing(error);
      throw error;
    }
    this.#progress.end(this.#step());
    this.isDone = isWhole && upload.problem === null;
    if (this.isDone) await this.#source.resume?.remove();
    else await this.#save();
    return upload.problem;
  }

  #started(): Upload {
    this.#upload ??= new Upload({
      format: this.#format ?? 'ndjson',
      from: this.#kept ?? BEGINNING,
      send: (userIds) => this.#carryOut(userIds),
    });
    return this.#upload;
  }

  async #carryOut(userIds: readonly string[]): Promise<Carried> {
    const { client, event, kind } = this.#options;
    if (kind === 'add') {
      const answer = await client.qualifications.add(event, userIds, CALL);
      return answer.code === 'OK' ? { code: 'OK', changed: answer.added, unchanged: answer.existing } : answer;
    }
    const answer = await client.qualifications.remove(event, userIds, CALL);
    return answer.code === 'OK' ? { code: 'OK', changed: answer.removed, unchanged: answer.absent } : answer;
  }

  #step() {
    const { changed, unchanged, rejected } = this.tally;
    const { offset } = this.#started().progressed.position;
    return { done: offset, total: this.#source.bytes, items: changed + unchanged + rejected };
  }

  /** A run without it begins anew, which is no reason to end this one. */
  async #save(): Promise<void> {
    const { progressed } = this.#started();
    if (progressed.lastUserId === null) return;
    await this.#source.resume?.write({ ...progressed, format: this.#format ?? 'ndjson' }).catch(() => {});
  }
}

async function sourceOf({ file, kind, event, servers, data }: QualifyOptions): Promise<Source> {
  if (file === '-') return { bytes: null, resume: null, open: () => process.stdin };
  const path = resolve(file);
  const found = await stat(path).catch((error: unknown) => {
    throw unreadable(file, error);
  });
  if (!found.isFile()) return { bytes: null, resume: null, open: () => createReadStream(path) };
  const words = ['qualify', kind, event, path, servers];
  const resume = new ResumeFile<Kept>({ data, words, stamp: `${found.size} bytes of ${found.mtimeMs}` });
  return { bytes: found.size, resume, open: (start) => createReadStream(path, { start }) };
}

/**
 * Where to go on. The list must still be as the last run has left it, as far as its last user tells: another store may
 * answer under the same address by now.
 */
async function keptOf({ client, event, kind }: QualifyOptions, { resume }: Source): Promise<Kept | null> {
  const kept = (await resume?.read()) ?? null;
  if (kept === null || kept.lastUserId === null) return null;
  const answer = await client.qualifications.has(event, kept.lastUserId, CALL);
  return answer.code === 'OK' && answer.qualified === (kind === 'add') ? kept : null;
}

function headerMissing({ message: rule }: HeaderMissing): Problem {
  return { code: 'BAD_REQUEST', faults: [{ field: 'file', rule }] };
}

function unreadable(file: string, error: unknown): StartFailed {
  return new StartFailed(`${file} cannot be read: ${(error as NodeJS.ErrnoException).code ?? String(error)}`);
}

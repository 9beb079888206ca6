/**
 * `claimd archive --before DATE --to DIR`: has the running server put claims of periods that are over into files, and asks how far
 * it is until it is done. Ctrl-C stops the server as well; the same command goes on, because what has been done can be seen
 * in the folder and in the store.
 */
import { resolve } from 'node:path';
import { EXIT } from '../../clients/cli.ts';
import { type Client, problemJson } from '../../clients/index.ts';
import { Progress, type ProgressSink } from '../../clients/progress.ts';
import { LIMITS } from '../../protocol/limits.ts';
import { isSuccess, type Problem } from '../../protocol/reply.ts';
import type { Result } from '../../protocol/results.ts';
import type { Runtime } from '../../protocol/runtime.ts';
import { type ArchiveItem, decodeArchiveItem } from '../../protocol/upkeep.ts';

const CALL = { deadlineMs: LIMITS.deadlineMsMax } as const;
const ASK_MS = 200;
const ID_BYTES = 16;

export type ArchiveOptions = {
  client: Pick<Client, 'request'>;
  /** Milliseconds since 1970. */
  before: number;
  directory: string;
  runtime: Runtime;
  sink: ProgressSink;
  print: (text: string) => void;
  stop: AbortSignal;
};

/** Resolves to the exit code: 1 where it did not come to the end. */
export async function archive(options: ArchiveOptions): Promise<number> {
  const run = new Run(options);
  const problem = await run.through();
  const { sink, print, stop } = options;
  if (problem !== null && !stop.aborted) {
    print(`${JSON.stringify({ ...problemJson(problem), ...run.json() }, null, 2)}\n`);
    return EXIT.failed;
  }
  print(`${JSON.stringify(run.json(), null, 2)}\n`);
  if (problem === null) return EXIT.done;
  if (sink.isTerminal) sink.write('The same command goes on from here.\n');
  return EXIT.failed;
}

class Run {
  readonly #options: ArchiveOptions;
  /** As it is meant here; the server may have been started in another folder. */
  readonly #directory: string;
  readonly #archiveId: string;
  readonly #progress: Progress;
  readonly #items: ArchiveItem[] = [];
  #claims = 0;
  #state: Result<'ARCHIVE'>[0] = 'RUNNING';

  constructor(options: ArchiveOptions) {
    const { runtime, sink, directory } = options;
    this.#options = options;
    this.#directory = resolve(directory);
    this.#archiveId = Buffer.from(runtime.randomBytes(ID_BYTES)).toString('hex');
    this.#progress = new Progress({ runtime, sink, label: 'archive', unit: 'claims' });
  }

  /** What stood in the way, or null. */
  async through(): Promise<Problem | null> {
    const { stop, runtime } = this.#options;
    for (;;) {
      const found = await this.#ask(stop.aborted ? 'STOP' : 'GO');
      if (found !== null) return found;
      if (this.#state === 'DONE') return null;
      await new Promise<void>((done) => runtime.after(ASK_MS, done));
    }
  }

  json(): object {
    const of = (kind: ArchiveItem['kind']) => this.#items.filter((item) => item.kind === kind);
    return {
      before: new Date(this.#options.before).toISOString(),
      directory: this.#directory,
      removed: this.#claims,
      archived: of('archived').map(({ eventKey, period, claims, file, sha256 }) => {
        return { eventKey, period, claims, file, sha256 };
      }),
      left: of('left').map(({ eventKey, period, claims, detail }) => ({ eventKey, period, claims, detail })),
      emptied: of('emptied').map(({ detail }) => detail),
    };
  }

  /** Once, and again at once where more items are to be had. Null unless it has ended otherwise than well. */
  async #ask(intent: 'GO' | 'STOP'): Promise<Problem | null> {
    const { client, before } = this.#options;
    for (;;) {
      const args = [null, this.#directory, before, this.#archiveId, intent, this.#items.length] as const;
      const reply = await client.request('ARCHIVE', [...args], CALL);
      if (!isSuccess(reply)) return reply;
      const [state, , done, total, claims, itemCount, items, detail] = reply.result as Result<'ARCHIVE'>;
      this.#items.push(...items.map(decodeArchiveItem));
      this.#claims = claims;
      if (this.#items.length < itemCount) continue;
      this.#state = state;
      const step = { done, total: total === 0 ? null : total, items: claims };
      if (state === 'RUNNING') this.#progress.show(step);
      else this.#progress.end(step);
      const isWell = state === 'RUNNING' || state === 'DONE';
      return isWell ? null : { code: 'INTERNAL', detail: detail ?? 'it did not come to the end' };
    }
  }
}

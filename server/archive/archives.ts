/**
 * Archives of a running store, one at a time. A caller asks again and again with the id that it has chosen: the first time
 * begins it, the others hear how far it is. It goes on only as long as somebody asks, so that a caller that dies ends it; the
 * same folder with a new id goes on. Between two steps claims have their turn.
 */
import type { Problem } from '../../protocol/reply.ts';
import type { Runtime } from '../../protocol/runtime.ts';
import type { ArchiveItem, ArchiveView } from '../../protocol/upkeep.ts';
import type { Audit, Doer } from '../accounts/audit.ts';
import { reasonOf } from '../lib/reason.ts';
import type { Store } from '../store/store.ts';
import { type ArchivingParts, archive, type Progressed } from './archiving.ts';
import { Folder } from './folder.ts';
import { ArchiveRefused, asRefused } from './refused.ts';

/** Without a question for so long nobody wants it any more. */
const ASKED_MS_MAX = 10_000;
/** A claim is written, verified and removed. */
const TIMES = 3;
/** Of the time of a step, before the next. */
const REST_SHARE = 0.5;
const DETAIL_LENGTH_MAX = 512;

export type ArchivesOptions = {
  store: Pick<Store, 'claims' | 'events' | 'archive' | 'clusterId'>;
  events: ArchivingParts['events'];
  /** Null without a journal. `away`: why this node does not write it. */
  journal: { project(): Promise<void>; away(): Problem | null } | null;
  audit: Pick<Audit, 'record'>;
  nowMs: () => number;
  runtime: Pick<Runtime, 'monotonicMs' | 'after'>;
  onFailure: (cause: unknown) => void;
};

export type Asked = { archiveId: string; directory: string; before: number; doer: Doer };

type Run = {
  id: string;
  directory: string;
  view: Omit<ArchiveView, 'itemCount'>;
  items: ArchiveItem[];
  askedAt: number;
  isStopped: boolean;
  over: Promise<void>;
};

export type Archived = { view: ArchiveView; items: readonly ArchiveItem[] };

const BEGUN: Run['view'] = { state: 'RUNNING', phase: 'mark', done: 0, total: 0, claims: 0, detail: null };

export class Archives {
  readonly #options: ArchivesOptions;
  #last: Run | null = null;

  constructor(options: ArchivesOptions) {
    this.#options = options;
  }

  /** `busy`: another one runs. Rejects with ArchiveRefused when the folder is not one that can be written to. */
  async go(asked: Asked): Promise<Archived | 'busy'> {
    const known = this.#asked(asked.archiveId);
    if (known !== null) return known;
    const folder = await Folder.open(asked.directory);
    const meanwhile = this.#asked(asked.archiveId);
    if (meanwhile !== null) return meanwhile;
    const { archiveId: id, directory } = asked;
    const askedAt = this.#options.runtime.monotonicMs();
    const run: Run = { id, directory, view: BEGUN, items: [], askedAt, isStopped: false, over: Promise.resolve() };
    this.#last = run;
    run.over = this.#run(run, this.#partsOf(folder, asked), asked.before);
    return shown(run);
  }

  /** Resolves when nothing of it is done any more; null when it is not known. */
  async stop(archiveId: string): Promise<Archived | null> {
    const run = this.#last;
    if (run === null || run.id !== archiveId) return null;
    run.isStopped = true;
    await run.over;
    return shown(run);
  }

  /** Ends what runs, between two steps. */
  async close(): Promise<void> {
    if (this.#last === null) return;
    await this.stop(this.#last.id);
  }

  #asked(archiveId: string): Archived | 'busy' | null {
    const run = this.#last;
    if (run?.id === archiveId) {
      run.askedAt = this.#options.runtime.monotonicMs();
      return shown(run);
    }
    return run?.view.state === 'RUNNING' ? 'busy' : null;
  }

  #partsOf(folder: Folder, { doer, directory }: Asked): ArchivingParts {
    const { store, events, journal, audit, nowMs } = this.#options;
    const record = (subject: string, before: unknown, after: unknown) =>
      audit.record(doer, { action: 'event.archived', subject, before, after });
    return {
      ...{ folder, events, nowMs, claims: store.claims, archive: store.archive, clusterId: store.clusterId },
      list: (page) => store.events.list(page),
      projected: async () => {
        await journal?.project();
        this.#demandWriter();
      },
      marked: (before, after) => record(after.eventKey, marksOf(before), { ...marksOf(after), directory }),
      sealing: ({ eventKey, period, claims, file, sha256 }) =>
        record(eventKey, null, { period, claims, directory, file, sha256 }),
    };
  }

  async #run(run: Run, parts: ArchivingParts, before: number): Promise<void> {
    const { runtime, onFailure } = this.#options;
    try {
      let since = runtime.monotonicMs();
      for await (const step of archive(parts, before)) {
        take(run, step);
        this.#demandWriter();
        const why = this.#endOf(run);
        if (why !== null) return end(run, 'STOPPED', why);
        await this.#rest(REST_SHARE * (runtime.monotonicMs() - since));
        since = runtime.monotonicMs();
      }
      const { done } = run.view;
      run.view = { ...run.view, state: 'DONE', total: done };
    } catch (cause) {
      const error = asRefused(cause, run.directory);
      if (!(error instanceof ArchiveRefused)) onFailure(error);
      end(run, 'FAILED', reasonOf(error));
    }
  }

  /** What is granted and not in the store is known to the journal's writer only. */
  #demandWriter(): void {
    if ((this.#options.journal?.away() ?? null) !== null) {
      throw new ArchiveRefused('another server writes the journal by now: run the command again');
    }
  }

  #endOf({ isStopped, askedAt }: Run): string | null {
    if (this.#options.runtime.monotonicMs() - askedAt > ASKED_MS_MAX) return 'nobody asks for it any more';
    return isStopped ? 'it was asked to stop' : null;
  }

  #rest(ms: number): Promise<void> {
    return new Promise((resolve) => this.#options.runtime.after(ms, resolve));
  }
}

function take(run: Run, { phase, done, removed, total, item }: Progressed): void {
  const { view } = run;
  if (item !== undefined) run.items.push(item);
  const most = total === undefined ? view.total : TIMES * total;
  const after = view.done + done;
  run.view = { ...view, phase, done: after, total: Math.max(most, after), claims: view.claims + removed };
}

function end(run: Run, state: 'STOPPED' | 'FAILED', detail: string): void {
  run.view = { ...run.view, state, detail: detail.slice(0, DETAIL_LENGTH_MAX) };
}

function shown({ view, items }: Run): Archived {
  return { view: { ...view, itemCount: items.length }, items };
}

function marksOf({ archivedUntil }: { archivedUntil?: number }): { archivedUntil: string | null } {
  return { archivedUntil: archivedUntil === undefined ? null : new Date(archivedUntil).toISOString() };
}

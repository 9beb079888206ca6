/**
 * The projecting thread: answers what comes through a port, one question after the other. It has the environment of the store open, which is the same
 * handle as the main thread's, and writes only when it is told to. Invariant: a commit is synced before it is reported;
 * after one that failed everybody is told to close the files.
 */
import type { MessagePort } from 'node:worker_threads';
import { reasonOf } from '../../lib/reason.ts';
import { type Batch, BatchReader, type Blocks } from './block-batch.ts';
import { Compaction } from './compaction.ts';
import { closeEnvironment, type Environment, openEnvironment } from './environment.ts';
import { Projection } from './projection.ts';
import type { Advanced, Answer, Answered, Asked, Question } from './projector-messages.ts';
import { markOf, putMark } from './rows.ts';

/** `folder` is the one of the environment; `blocks` reads the journal. */
export function serveProjections(port: MessagePort, { folder, blocks }: { folder: string; blocks: Blocks }): void {
  const projections = new Projections(folder, blocks);
  let last = Promise.resolve();
  port.on('message', (asked: Asked) => {
    last = last.then(() => answer(projections, port, asked));
  });
}

async function answer(projections: Projections, port: MessagePort, asked: Asked): Promise<void> {
  if (asked === 'end') {
    await projections.close();
    port.close();
    return;
  }
  const { number, question } = asked;
  const answered: Answered = await projections.answer(question).then(
    (answer) => ({ number, answer }),
    (error: unknown) => ({ number, error: reasonOf(error) }),
  );
  port.postMessage(answered);
}

class Projections {
  readonly #folder: string;
  readonly #reader: BatchReader;
  #opened: { environment: Environment; compaction: Compaction } | null = null;
  #batch: Batch | null = null;

  constructor(folder: string, blocks: Blocks) {
    this.#folder = folder;
    this.#reader = new BatchReader(blocks);
  }

  async answer(question: Question): Promise<Answer[Question['kind']]> {
    switch (question.kind) {
      case 'prepare':
        this.#batch = await this.#reader.next(question);
        return null;
      case 'write':
        return this.#write(question.at);
      case 'compact':
        return this.#compact();
      case 'release':
        await this.release();
        return null;
    }
  }

  async close(): Promise<void> {
    await this.#reader.close();
    await this.release();
  }

  async release(): Promise<void> {
    const opened = this.#opened;
    this.#opened = null;
    if (opened !== null) await closeEnvironment(opened.environment);
  }

  async #write(at: number): Promise<Advanced> {
    const batch = this.#batch;
    this.#batch = null;
    if (batch === null) throw new Error('nothing was read that could be written');
    return project(this.#open().environment, batch, at);
  }

  async #compact(): Promise<boolean> {
    const { environment, compaction } = this.#open();
    // Others have written since the last look.
    environment.root.resetReadTxn();
    const put = compaction.next();
    if (put !== null) await committed(environment.root.batch(put));
    return put !== null;
  }

  #open(): { environment: Environment; compaction: Compaction } {
    if (this.#opened === null) {
      const environment = openEnvironment(this.#folder);
      this.#opened = { environment, compaction: new Compaction(environment.tables) };
    }
    return this.#opened;
  }
}

/**
 * No code of this thread runs while LMDB's lock is held: were the process to exit just then, the thread would die with the
 * lock, and the exit would wait for it for ever.
 */
async function project({ root, tables }: Environment, { from, mark, claims }: Batch, at: number): Promise<Advanced> {
  // Others have written since the last look.
  root.resetReadTxn();
  const before = markOf(tables);
  if (before !== from) throw new Error(`the projection has come to ${before}, not to ${from}`);
  const projection = new Projection(tables, claims, at);
  await committed(
    root.batch(() => {
      projection.put();
      putMark(tables, mark);
    }),
  );
  return { mark, claims: projection.claims, conflicts: projection.conflicts };
}

/** Throws what was wrong. The package rejects with an error that holds another promise, which rejects as well. */
async function committed(commit: Promise<boolean>): Promise<void> {
  try {
    await commit;
  } catch (error) {
    if (error instanceof Error && 'commitError' in error) await error.commitError;
    throw error;
  }
}

/**
 * The projector as the server sees it: a thread of its own that does the work, started by the first question and again after
 * it has died. What it was doing then is simply done again; see `projection.ts` for why that is safe.
 */
import { extname } from 'node:path';
import type { Worker } from 'node:worker_threads';
import type { Log } from '../../lib/log.ts';
import type { Conflict, Projector } from '../journal.ts';
import { StoreRefused, StoreUnavailable } from '../store.ts';
import { startThread } from '../thread-start.ts';
import type { ClaimPlaces } from './claim-places.ts';
import { type Advance, type Advanced, PlaceMissing } from './projection.ts';
import type { Answer, Failure, ProjectorSettings, Question } from './projector-messages.ts';

const program = new URL(`./projector-program${extname(import.meta.url)}`, import.meta.url);

type Asked = { resolve: (answer: number | Advanced | null) => void; reject: (error: Error) => void };
type Ask = { ask: 'mark' } | { ask: 'close' } | ({ ask: 'advance' } & Advance);

export type MongoProjectorOptions = { settings: ProjectorSettings; places: ClaimPlaces; log: Log };

export class MongoProjector implements Projector {
  readonly #options: MongoProjectorOptions;
  readonly #asked = new Map<number, Asked>();
  #worker: Worker | null = null;
  #questions = 0;
  #requestIdsAside = 0;
  #closing: Promise<void> | null = null;

  constructor(options: MongoProjectorOptions) {
    this.#options = options;
  }

  /** Claims since the start whose request id led to another claim already. */
  get requestIdsAside(): number {
    return this.#requestIdsAside;
  }

  async mark(): Promise<number> {
    return (await this.#ask({ ask: 'mark' })) as number;
  }

  /**
   * Rejects with StoreUnavailable, also while a collection is gone, or another one has its place. One that only lacks an
   * index keeps what comes: each claim key once, by its `_id`, and nothing more is granted there. Two claims with one slot or
   * request id, which only a broken promise could bring, are then found when the index is made again, or by `reconcile`.
   */
  async advance(until: number, claimsMax: number): Promise<{ mark: number; claims: number; conflicts: Conflict[] }> {
    const { places } = this.#options;
    const ask = () => this.#ask({ ask: 'advance', until, claimsMax, keeping: places.keeping() });
    for (const made = new Set<string>(); ; ) {
      try {
        return this.#counted((await ask()) as Advanced);
      } catch (error) {
        if (!(error instanceof PlaceMissing)) throw error;
        const { collection, message } = error;
        await places.of(collection);
        if (made.has(collection) || places.keeping()[collection] === undefined) throw new StoreUnavailable(message);
        made.add(collection);
      }
    }
  }

  #counted({ requestIdsAside, ...advanced }: Advanced) {
    this.#countAside(requestIdsAside);
    return advanced;
  }

  /** MongoDB keeps its indexes by itself. */
  async tidy(): Promise<boolean> {
    return false;
  }

  /** Waits for what is under way. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    const worker = this.#worker;
    if (worker === null) return;
    const ended = new Promise<void>((resolve) => worker.once('exit', () => resolve()));
    await this.#send(worker, { ask: 'close' }).catch(() => {});
    await ended;
  }

  async #ask(ask: Ask): Promise<number | Advanced | null> {
    if (this.#closing !== null) throw new StoreUnavailable('the projector is closed');
    this.#worker ??= this.#start();
    return this.#send(this.#worker, ask);
  }

  #send(worker: Worker, ask: Ask): Promise<number | Advanced | null> {
    const question: Question = { number: ++this.#questions, ...ask };
    return new Promise((resolve, reject) => {
      this.#asked.set(question.number, { resolve, reject });
      // Who waits for an answer keeps the process alive; an idle thread does not.
      worker.ref();
      worker.postMessage(question);
    });
  }

  #start(): Worker {
    const worker = startThread(program, this.#options.settings);
    worker.on('message', (answer: Answer) => this.#answered(answer));
    worker.on('error', (error) => this.#options.log.error({ reason: String(error) }, 'the projector died'));
    worker.on('exit', () => this.#ended());
    return worker;
  }

  #answered(answer: Answer): void {
    const asked = this.#asked.get(answer.number);
    this.#asked.delete(answer.number);
    if (this.#asked.size === 0 && this.#closing === null) this.#worker?.unref();
    if ('failure' in answer) asked?.reject(errorOf(answer.failure));
    else asked?.resolve(answer.answer);
  }

  #ended(): void {
    this.#worker = null;
    for (const { reject } of this.#asked.values()) reject(new StoreUnavailable('the projector has ended'));
    this.#asked.clear();
  }

  #countAside(count: number): void {
    if (count === 0) return;
    this.#requestIdsAside += count;
    this.#options.log.warn({ count }, 'journaled claims whose request id leads to another claim of the user');
  }
}

function errorOf({ kind, message }: Failure): Error {
  if (kind === 'unavailable') return new StoreUnavailable(message);
  if (kind === 'placeMissing') return new PlaceMissing(message);
  return kind === 'refused' ? new StoreRefused(message) : new Error(message);
}

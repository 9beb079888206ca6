/**
 * Appends blocks, each one document whose `_id` is the writer's origin and the block's sequence. A block whose outcome is
 * not known is inserted again, the same bytes under the same `_id`, until it is there or something else is in its place.
 * Such a stranger is a seal: this writer has been fenced, and neither that block nor any behind it is ever valid.
 *
 * Invariant: outcomes are told in the order of the blocks, and nothing after FENCED is anything but FENCED.
 */
import { type Collection, type Db, MongoError, type UUID } from 'mongodb';
import type { Runtime } from '../../../protocol/runtime.ts';
import type { Log } from '../../lib/log.ts';
import type { Appended } from '../journal.ts';
import { insertOnce } from './inserter.ts';
import { type BlockDocument, documentOfBlock, isSeal, type JournalDocument } from './journal-schema.ts';
import { COLLECTION } from './schema.ts';

const PAUSE_MS_MIN = 20;
const PAUSE_MS_MAX = 1_000;

/** What one try has shown; null when it has shown nothing. */
type Verdict = Appended | null;

type Waiting = {
  document: BlockDocument;
  isSent: boolean;
  appended: Verdict;
  /** Its last try has shown nothing. */
  isDoubtful: boolean;
  settled: (appended: Appended) => void;
};

export type AppenderOptions = {
  db: Db;
  collectionUuid: UUID;
  majorityMs: number;
  /** A block is sent when at most so many are not settled, itself included: so at most this less one lie behind a gap. */
  inFlightMax: number;
  runtime: Runtime;
  log: Log;
  /** Called once, before the first FENCED is told. */
  onFenced: (reason: string) => void;
  /** Called with each block that is durable, before that is told. */
  onDurable: (document: BlockDocument) => void;
};

export class BlockAppender {
  readonly #options: AppenderOptions;
  readonly #journal: Collection<JournalDocument>;
  readonly #waiting: Waiting[] = [];
  readonly #running = new Set<Promise<void>>();
  readonly #wakings = new Set<() => void>();
  #fenced: string | null = null;
  #complaint = '';
  #isClosed = false;

  constructor(options: AppenderOptions) {
    this.#options = options;
    this.#journal = options.db.collection<JournalDocument>(COLLECTION.journal);
  }

  /** Why nothing more will be durable; null while that is not so. */
  get fenced(): string | null {
    return this.#fenced;
  }

  /** Why blocks wait longer than a write takes; null when none does. */
  get trouble(): string | null {
    const doubtful = this.#waiting.filter(({ isDoubtful }) => isDoubtful).length;
    return doubtful === 0 ? null : `${doubtful} blocks are not known to be durable: ${this.#complaint}`;
  }

  append(block: Buffer, settled: (appended: Appended) => void): void {
    const appended = this.#fenced === null ? null : 'FENCED';
    this.#waiting.push({ document: documentOfBlock(block), isSent: false, appended, isDoubtful: false, settled });
    if (appended === null) this.#send();
    else this.#tell();
  }

  /** Another owner is known of by other means. What is on its way is still settled by what is true of it. */
  fence(reason: string): void {
    if (this.#fenced !== null) return;
    this.#fenced = reason;
    this.#options.onFenced(reason);
  }

  /**
   * Resolves when all is settled, or when a last try has shown nothing. What is in doubt then stays so: this process will
   * never know.
   */
  async close(): Promise<void> {
    this.#isClosed = true;
    for (const wake of this.#wakings) wake();
    while (this.#running.size > 0) await Promise.all(this.#running);
  }

  /** As many of those that wait as may be on their way. */
  #send(): void {
    for (const waiting of this.#waiting.slice(0, this.#options.inFlightMax)) {
      if (waiting.isSent || waiting.appended !== null) continue;
      waiting.isSent = true;
      const running = this.#settle(waiting).finally(() => this.#running.delete(running));
      this.#running.add(running);
    }
  }

  async #settle(waiting: Waiting): Promise<void> {
    for (let pauseMs = PAUSE_MS_MIN; ; pauseMs = Math.min(pauseMs * 2, PAUSE_MS_MAX)) {
      const isLast = this.#isClosed;
      const appended = await this.#attempt(waiting.document);
      // Behind a block that was fenced it has been told already.
      if (waiting.appended !== null) return;
      if (appended !== null) {
        waiting.appended = appended;
        this.#tell();
        return this.#send();
      }
      if (isLast) return;
      waiting.isDoubtful = true;
      await this.#pause(pauseMs);
    }
  }

  /** Never rejects. */
  async #attempt(document: BlockDocument): Promise<Verdict> {
    const { db, collectionUuid, majorityMs } = this.#options;
    const target = { collection: COLLECTION.journal, majorityMs, collectionUuid };
    const { fates, complaint } = await insertOnce(db, target, [document], 'ordered');
    const [fate] = fates;
    if (fate === 'inserted') return 'DURABLE';
    if (fate === 'duplicate') return this.#compare(document);
    if (fate === 'guardMissing') {
      this.fence(`collection ${COLLECTION.journal} was dropped or replaced`);
      return 'FENCED';
    }
    this.#doubt(document, complaint);
    return null;
  }

  /** What has the block's `_id`: the block itself by an earlier try, or a seal. */
  async #compare(document: BlockDocument): Promise<Verdict> {
    try {
      const [found] = await this.#journal.find({ _id: { $in: [document._id] } }, { limit: 1 }).toArray();
      // What refused the insert is not durable yet, or it never will be.
      if (found === undefined) return null;
      if (!isSeal(found) && document.block.buffer.length === found.block.buffer.length) {
        if (Buffer.compare(document.block.buffer, found.block.buffer) === 0) return 'DURABLE';
      }
      this.fence(isSeal(found) ? `sealed by ${found.by} at ${found._id}` : `another block lies at ${found._id}`);
      return 'FENCED';
    } catch (error) {
      this.#doubt(document, error);
      return null;
    }
  }

  /** In the order of the blocks, as far as it is known. */
  #tell(): void {
    for (let [first] = this.#waiting; first !== undefined && first.appended !== null; [first] = this.#waiting) {
      this.#waiting.shift();
      if (first.appended === 'DURABLE') this.#options.onDurable(first.document);
      else for (const behind of this.#waiting) behind.appended = 'FENCED';
      first.settled(first.appended);
    }
  }

  #doubt({ _id }: BlockDocument, complaint: unknown): void {
    const reason = complaint instanceof MongoError ? `${complaint.name}: ${complaint.message}` : String(complaint);
    this.#complaint = reason;
    this.#options.log.warn({ block: _id, reason }, 'a block is not known to be durable and is inserted again');
  }

  /** Closing ends it. */
  #pause(ms: number): Promise<void> {
    if (this.#isClosed) return Promise.resolve();
    const { after, random } = this.#options.runtime;
    return new Promise((resolve) => {
      const wake = () => {
        this.#wakings.delete(wake);
        cancel();
        resolve();
      };
      const cancel = after(ms * (0.5 + random() / 2), wake);
      this.#wakings.add(wake);
    });
  }
}

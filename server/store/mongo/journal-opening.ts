/**
 * What a new owner does between the record that names it and its first block: seals every boot before it, finds where its own
 * begins, and writes both into the record. Overtaken meanwhile, it has appended nothing and goes without a trace.
 */
import type { UUID } from 'mongodb';
import type { Runtime } from '../../../protocol/runtime.ts';
import type { Log } from '../../lib/log.ts';
import { answerOf, type Timeouts } from './connection.ts';
import { IN_FLIGHT_MAX, type JournalPools, MongoJournal } from './journal.ts';
import { Chain } from './journal-chain.ts';
import type { OwnerRecords } from './journal-owner.ts';
import { type BootRecord, idRange, type OwnerRecord, startBehind } from './journal-schema.ts';
import { type SealedBoot, sealBoot } from './journal-seal.ts';
import { Tenure } from './journal-tenure.ts';
import { COLLECTION } from './schema.ts';

export type OpeningOptions = {
  pools: JournalPools;
  records: OwnerRecords;
  /** As this node has just taken it. */
  record: OwnerRecord;
  collectionUuid: UUID;
  timeouts: Timeouts;
  runtime: Runtime;
  log: Log;
  advertised: () => string;
  bytesMax: number;
};

export class Opening {
  readonly #options: OpeningOptions;
  readonly #tenure: Tenure;
  #lost: string | null = null;
  #journal: MongoJournal | null = null;

  constructor(options: OpeningOptions) {
    const { records, record, runtime, timeouts, advertised } = options;
    const { epoch, boots } = record;
    this.#options = options;
    this.#tenure = new Tenure(
      {
        ...{ records, epoch, runtime, renewalMs: timeouts.renewalMs, address: advertised },
        onLost: (reason) => this.#lose(reason),
      },
      boots,
    );
  }

  /** Null when another node has taken over meanwhile. Rejects as `JournalHome.open` does. */
  async run(node: string, boot: string): Promise<MongoJournal | null> {
    try {
      const origin = await this.#freshOrigin(`${node}.${boot}`);
      const sealed = await this.#seal(origin);
      const startsAt = startBehind(sealed.at(-1)?.endsAt ?? 0);
      const chain = new Chain(sealed, bootRecord(origin, startsAt));
      this.#tenure.keep(() => chain.boots);
      // From here on blocks may come, so the record must have them in it.
      const isOwner = await this.#tenure.record();
      if (isOwner) return this.#create(origin, startsAt, chain);
    } catch (error) {
      await this.#tenure.close();
      throw error;
    }
    await this.#tenure.close();
    return null;
  }

  /** A process that was fenced and opens again has used its origin up: it is sealed. */
  async #freshOrigin(wanted: string): Promise<string> {
    const { pools, record } = this.#options;
    const journal = pools.reads.db.collection<{ _id: string }>(COLLECTION.journal);
    for (let count = 1; ; count++) {
      const origin = count === 1 ? wanted : `${wanted}-${count}`;
      const isRecorded = record.boots.some((boot) => boot.origin === origin);
      const projection = { _id: 1 };
      if (!isRecorded && (await answerOf(journal.findOne({ _id: idRange(origin, 0) }, { projection }))) === null) {
        return origin;
      }
    }
  }

  /** Oldest first: a boot that was not sealed by the one after it must be now. */
  async #seal(by: string): Promise<SealedBoot[]> {
    const { pools, record, collectionUuid, timeouts, runtime } = this.#options;
    const options = { collectionUuid, majorityMs: timeouts.majorityMs, runtime, by, inFlightMax: IN_FLIGHT_MAX };
    const sealed: SealedBoot[] = [];
    for (const boot of record.boots) {
      const { seal, endsAt } = boot;
      const isSealed = seal !== null && endsAt !== null;
      sealed.push(isSealed ? { ...boot, seal, endsAt } : await sealBoot(boot, { db: pools.appends.db, ...options }));
    }
    return sealed;
  }

  #create(origin: string, startsAt: number, chain: Chain): MongoJournal {
    const { pools, collectionUuid, timeouts, runtime, log, bytesMax } = this.#options;
    const { majorityMs } = timeouts;
    const tenure = this.#tenure;
    const parts = { origin, startsAt, chain, tenure, pools, collectionUuid, majorityMs, runtime, log, bytesMax };
    const journal = new MongoJournal(parts);
    this.#journal = journal;
    if (this.#lost !== null) journal.fence(this.#lost);
    return journal;
  }

  #lose(reason: string): void {
    this.#lost = reason;
    this.#journal?.fence(reason);
  }
}

function bootRecord(origin: string, startsAt: number): BootRecord {
  return { origin, startsAt, from: { sequence: 1, offset: startsAt }, durable: 0, seal: null, endsAt: null };
}

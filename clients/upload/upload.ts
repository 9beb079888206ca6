/**
 * A file of user ids into batches, a few of them under way at a time: whoever reads the file waits for `push`, so that no
 * more of it is in memory than those batches. It keeps count of what became of each row, and of how far the file has
 * certainly been carried out, from where another run may go on. It knows neither files nor servers.
 */
import type { Problem } from '../../protocol/reply.ts';
import { type Position, type RowFormat, RowReader } from './rows.ts';

/** `changed`: added or removed; `unchanged`: existing or absent. */
export type Carried = { code: 'OK'; changed: number; unchanged: number } | Problem;
export type RowError = { line: number; rule: string };
export type Tally = { changed: number; unchanged: number; rejected: number; errors: readonly RowError[] };
/** Everything before `position` has been carried out, with this result; whose row stood there last, null at the beginning. */
export type Progressed = Tally & { position: Position; lastUserId: string | null };

export type UploadOptions = {
  format: RowFormat;
  /** Carries out one batch. Never rejects; the same batch may be sent again by another run. */
  send(userIds: readonly string[]): Promise<Carried>;
  /** Where an earlier run has come to. */
  from?: Progressed;
  /** Of user ids; those behind it are not carried out. */
  usersMax?: number;
};

const BATCH_LENGTH = 5_000;
const IN_FLIGHT_MAX = 3;
export const ERRORS_MAX = 100;
export const BEGINNING: Progressed = {
  ...{ changed: 0, unchanged: 0, rejected: 0, errors: [] },
  ...{ position: { line: 0, offset: 0 }, lastUserId: null },
};

/** With how many rows had been rejected before its end, and how many errors told. */
type Batch = { userIds: string[]; position: Position; rejected: number; errors: number };
type InFlight = { batch: Batch; carried: Promise<Carried> };

export class Upload {
  /** The first answer that was no success. Nothing is sent after it. */
  problem: Problem | null = null;
  /** There were more user ids than `usersMax`. */
  isTooLong = false;
  readonly #options: UploadOptions;
  readonly #reader: RowReader;
  readonly #errors: RowError[];
  #progressed: Progressed;
  #changed: number;
  #unchanged: number;
  #rejected: number;
  #users: number;
  #userIds: string[] = [];
  #position: Position;
  readonly #ready: Batch[] = [];
  readonly #inFlight: InFlight[] = [];

  constructor(options: UploadOptions) {
    const { format, from = BEGINNING } = options;
    this.#options = options;
    this.#progressed = from;
    this.#changed = from.changed;
    this.#unchanged = from.unchanged;
    this.#rejected = from.rejected;
    this.#users = from.changed + from.unchanged;
    this.#errors = [...from.errors];
    this.#position = from.position;
    const sink = {
      user: (userId: string, at: Position) => this.#user(userId, at),
      rejected: (rule: string, line: number) => this.#reject(rule, line),
    };
    this.#reader = new RowReader(format, sink, from.position);
  }

  /** Of all rows that were answered or rejected, whatever became of those before them. */
  get tally(): Tally {
    return { changed: this.#changed, unchanged: this.#unchanged, rejected: this.#rejected, errors: this.#errors };
  }

  get progressed(): Progressed {
    return this.#progressed;
  }

  /** Nothing more of the file is wanted. */
  get isOver(): boolean {
    return this.problem !== null || this.isTooLong;
  }

  /** Resolves when more of the file may come, or is not wanted. Rejects with HeaderMissing. */
  async push(chunk: Buffer): Promise<void> {
    if (this.isOver) return;
    this.#reader.push(chunk);
    await this.#sendReady();
  }

  /** The file has ended. Resolves when every batch is answered. Rejects with HeaderMissing. */
  async end(): Promise<void> {
    if (!this.isOver) this.#reader.end();
    this.#cut();
    await this.#sendReady();
    await this.settle();
    // Rows that were rejected, or none, may follow the last batch.
    if (!this.isOver) this.#progressed = { ...this.#progressed, ...this.tally, position: this.#reader.position };
  }

  /** Resolves when every batch that was sent is answered; what else was read is left to another run. */
  async settle(): Promise<void> {
    while (this.#inFlight.length > 0) await this.#settleFirst();
  }

  #user(userId: string, at: Position): void {
    this.isTooLong ||= this.#users >= (this.#options.usersMax ?? Number.POSITIVE_INFINITY);
    if (this.isTooLong) return;
    this.#users++;
    this.#userIds.push(userId);
    this.#position = at;
    if (this.#userIds.length === BATCH_LENGTH) this.#cut();
  }

  #reject(rule: string, line: number): void {
    if (this.isTooLong) return;
    this.#rejected++;
    if (this.#errors.length < ERRORS_MAX) this.#errors.push({ line, rule });
  }

  #cut(): void {
    if (this.#userIds.length === 0) return;
    const { length: errors } = this.#errors;
    this.#ready.push({ userIds: this.#userIds, position: this.#position, rejected: this.#rejected, errors });
    this.#userIds = [];
  }

  async #sendReady(): Promise<void> {
    for (let batch = this.#ready.shift(); batch !== undefined; batch = this.#ready.shift()) {
      while (this.#inFlight.length >= IN_FLIGHT_MAX) await this.#settleFirst();
      if (this.problem !== null) return;
      this.#inFlight.push({ batch, carried: this.#options.send(batch.userIds) });
    }
  }

  /** In the order of the file: `progressed` never has a gap. */
  async #settleFirst(): Promise<void> {
    const first = this.#inFlight[0];
    if (first === undefined) return;
    const carried = await first.carried;
    this.#inFlight.shift();
    if (carried.code !== 'OK') {
      this.problem ??= carried;
      return;
    }
    this.#changed += carried.changed;
    this.#unchanged += carried.unchanged;
    if (this.problem !== null) return;
    const { userIds, position, rejected, errors: told } = first.batch;
    const { changed, unchanged } = this.tally;
    const errors = this.#errors.slice(0, told);
    this.#progressed = { changed, unchanged, rejected, errors, position, lastUserId: userIds.at(-1) ?? null };
  }
}

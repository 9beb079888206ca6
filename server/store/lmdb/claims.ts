/** The claims of the embedded store: each call is one transaction, each read one look-up in memory-mapped pages. */
import type {
  ClaimDraft,
  ClaimFilter,
  ClaimRecord,
  ClaimStore,
  InsertOutcome,
  MayWrite,
  PageKey,
  RequestPage,
} from '../store.ts';
import type { Tables } from './environment.ts';
import { insertAll, insertAllStock } from './insert.ts';
import { listOfAll, listOfUser } from './lists.ts';
import { hasClaims } from './periods.ts';
import { claimOfKey, claimOfRequest } from './rows.ts';
import { highestSlotOf, requestsOf, usersOf } from './scans.ts';
import type { Transactions } from './transactions.ts';

export class LmdbClaims implements ClaimStore {
  /** A transaction of 1,000 keeps the main thread for about 10 ms; larger ones gain nothing. */
  readonly insertMax = 1_000;
  /** Each claim lies beside its user's others, whatever its event is split by: a table a day would only add pages to a commit. */
  readonly isSpread = false;
  readonly #transactions: Transactions;

  constructor(transactions: Transactions) {
    this.#transactions = transactions;
  }

  insert(drafts: readonly ClaimDraft[], mayWrite?: MayWrite): Promise<InsertOutcome[]> {
    return this.#commit(drafts, mayWrite, (tables) => insertAll(tables, drafts));
  }

  insertStock(drafts: readonly ClaimDraft[], stock: number, mayWrite?: MayWrite): Promise<InsertOutcome[]> {
    return this.#commit(drafts, mayWrite, (tables) => insertAllStock(tables, drafts, stock));
  }

  /** The last look is taken inside the transaction, which may have waited for the disk behind others for long. */
  async #commit(
    drafts: readonly ClaimDraft[],
    mayWrite: MayWrite = always,
    write: (tables: Tables) => InsertOutcome[],
  ): Promise<InsertOutcome[]> {
    if (drafts.length === 0) return [];
    const outcome = await this.#transactions.commit((tables) => (mayWrite() ? write(tables) : withheld(drafts)));
    if (outcome.kind === 'done') return outcome.value;
    return drafts.map(() => ({ kind: outcome.kind }));
  }

  /** Inserts and changes of events follow each other in one queue, and each insert asks in its turn whether it still may. */
  async settled(): Promise<void> {}

  byKey(claimKeys: readonly string[]): Promise<(ClaimRecord | null)[]> {
    return this.#transactions.read((tables) => claimKeys.map((claimKey) => claimOfKey(tables, claimKey)));
  }

  byRequest(requests: readonly { userId: string; requestId: string }[]): Promise<(ClaimRecord | null)[]> {
    return this.#transactions.read((tables) => requests.map((request) => claimOfRequest(tables, request)));
  }

  ofUser(userId: string, page: { eventKey?: string; limit: number; after?: PageKey }): Promise<ClaimRecord[]> {
    const { eventKey } = page;
    return this.#transactions.read((tables) =>
      listOfUser(tables, eventKey === undefined ? { userId } : { userId, eventKey }, page),
    );
  }

  list(filter: ClaimFilter, page: { limit: number; after?: PageKey }): Promise<ClaimRecord[]> {
    const { userId } = filter;
    return this.#transactions.read((tables) =>
      userId === undefined ? listOfAll(tables, filter, page) : listOfUser(tables, { ...filter, userId }, page),
    );
  }

  hasAny(eventKey: string, period?: string): Promise<boolean> {
    return this.#transactions.read((tables) => hasClaims(tables, eventKey, period));
  }

  highestSlot(eventKey: string, period?: string): Promise<number> {
    return this.#transactions.read((tables) => highestSlotOf(tables, eventKey, period));
  }

  usersOf(eventKey: string, period: string, page: { limit: number; after?: string }): Promise<string[]> {
    return this.#transactions.read((tables) => usersOf(tables, { eventKey, period }, page));
  }

  requests(page: { limit: number; after?: string }): Promise<RequestPage> {
    return this.#transactions.read((tables) => requestsOf(tables, page));
  }
}

const always: MayWrite = () => true;

function withheld(drafts: readonly ClaimDraft[]): InsertOutcome[] {
  return drafts.map(() => ({ kind: 'withheld' }));
}

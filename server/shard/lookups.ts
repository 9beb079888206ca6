/**
 * Answers the rules' LOOKUP: everything a turn still has to know, asked of the store in batches that close with the
 * input of one turn of the event loop. One question per kind and batch, whatever the number of claims.
 */
import type { Runtime } from '../../protocol/runtime.ts';
import type { Store } from '../store/store.ts';
import type { Turn } from './turn.ts';

const BATCH_MAX = 500;
const IN_FLIGHT_MAX = 4;

export class Lookups {
  readonly #store: Store;
  readonly #runtime: Runtime;
  readonly #found: (turn: Turn) => void;
  readonly #failed: (turn: Turn) => void;
  #pending: Turn[] = [];
  #inFlight = 0;
  #isScheduled = false;

  /** `found` when the turn's questions are answered in its fields, `failed` when the store could not. */
  constructor(store: Store, runtime: Runtime, on: { found: (turn: Turn) => void; failed: (turn: Turn) => void }) {
    this.#store = store;
    this.#runtime = runtime;
    this.#found = on.found;
    this.#failed = on.failed;
  }

  add(turn: Turn): void {
    this.#pending.push(turn);
    this.#schedule();
  }

  #schedule(): void {
    if (this.#isScheduled || this.#pending.length === 0 || this.#inFlight >= IN_FLIGHT_MAX) return;
    this.#isScheduled = true;
    this.#runtime.soon(() => {
      this.#isScheduled = false;
      void this.#ask(this.#pending.splice(0, BATCH_MAX));
      this.#schedule();
    });
  }

  async #ask(turns: Turn[]): Promise<void> {
    this.#inFlight++;
    const isAnswered = await this.#fill(turns).then(
      () => true,
      () => false,
    );
    this.#inFlight--;
    this.#schedule();
    for (const turn of turns) {
      if (isAnswered) this.#found(turn);
      else this.#failed(turn);
    }
  }

  async #fill(turns: Turn[]): Promise<void> {
    const { claims, qualifications } = this.#store;
    const sentAt = this.#runtime.monotonicMs();
    const byKey = turns.filter((turn) => turn.byKey === undefined);
    const byRequest = turns.filter((turn) => turn.byRequest === undefined);
    const listed = turns.filter(
      (turn) => turn.isQualified === undefined && turn.config?.record?.eligibility.kind === 'listed',
    );
    const [keys, requests, qualified] = await Promise.all([
      byKey.length === 0 ? [] : claims.byKey(byKey.map(({ claimKey }) => claimKey)),
      byRequest.length === 0 ? [] : claims.byRequest(byRequest.map(({ request }) => request)),
      listed.length === 0 ? [] : qualifications.has(listed.map(({ request }) => request)),
    ]);
    byKey.forEach((turn, i) => {
      turn.byKey = keys[i] ?? null;
    });
    byRequest.forEach((turn, i) => {
      turn.byRequest = requests[i] ?? null;
    });
    listed.forEach((turn, i) => {
      turn.isQualified = qualified[i] ?? false;
      turn.qualifiedAt = sentAt;
    });
  }
}

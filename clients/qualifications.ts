/** Who may claim an event whose eligibility is `listed`. Each method is one request of at most 10,000 user ids. */
import { type Answer, answerOf } from './answers.ts';
import type { CallOptions } from './call.ts';
import type { Pool } from './pool.ts';

const added = answerOf('QUALIFY', ([received, added, existing]) => ({ received, added, existing }));
const removed = answerOf('DISQUALIFY', ([received, removed, absent]) => ({ received, removed, absent }));
const qualified = answerOf('QUALIFIED', (qualified) => ({ qualified }));

export class Qualifications {
  readonly #pool: Pool;

  constructor(pool: Pool) {
    this.#pool = pool;
  }

  /** `existing` counts those that were listed before, which after a retry may be this very request's. */
  add(
    eventKey: string,
    userIds: readonly string[],
    options: CallOptions = {},
  ): Promise<Answer<{ received: number; added: number; existing: number }>> {
    return this.#pool.call({ name: 'QUALIFY', args: [null, eventKey, userIds] }, options, added);
  }

  remove(
    eventKey: string,
    userIds: readonly string[],
    options: CallOptions = {},
  ): Promise<Answer<{ received: number; removed: number; absent: number }>> {
    return this.#pool.call({ name: 'DISQUALIFY', args: [null, eventKey, userIds] }, options, removed);
  }

  has(eventKey: string, userId: string, options: CallOptions = {}): Promise<Answer<{ qualified: boolean }>> {
    return this.#pool.call({ name: 'QUALIFIED', args: [null, eventKey, userId] }, options, qualified);
  }
}

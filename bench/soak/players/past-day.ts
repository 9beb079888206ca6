/**
 * A day that is over, full of claims that real requests have made: the event ends in the past and has a long grace, so that
 * whoever claims now claims in its last day; then the grace is taken away. What was granted is remembered, 8 bytes a claim.
 */
import type { Client, EventInput } from '../../../clients/index.ts';

const DAY_MS = 86_400_000;
const DAYS_AGO = 5;
const BATCH = 1_000;
const BATCHES_IN_FLIGHT = 8;
const REWARDS = [{ kind: 'currency', id: 'gold', amount: 100 }];

export class PastDay {
  readonly eventKey: string;
  readonly users: number;
  /** By the number of the user; 0 where nothing was granted. */
  readonly grantedAt: Float64Array;
  readonly #endsAt = Math.floor(Date.now() / DAY_MS - DAYS_AGO) * DAY_MS + DAY_MS / 2;

  constructor(eventKey: string, users: number) {
    this.eventKey = eventKey;
    this.users = users;
    this.grantedAt = new Float64Array(users);
  }

  get period(): string {
    return new Date(this.#endsAt).toISOString().slice(0, 10).replaceAll('-', '');
  }

  userIdOf(number: number): string {
    return `u${number}`;
  }

  /** Null for a user that is none of these. */
  numberOf(userId: string): number | null {
    const number = Number(userId.slice(1));
    return this.userIdOf(number) === userId && number < this.users ? number : null;
  }

  requestIdOf(number: number): string {
    return `b${Math.floor(number / BATCH)}.${number % BATCH}`;
  }

  /** Resolves when all have been granted and the day is closed. */
  async fill(client: Client, event: Partial<EventInput>): Promise<void> {
    const { eventKey } = this;
    await answered(
      client.events.create({
        ...{ eventKey, period: 'daily', splitBy: 'day', rewards: REWARDS, graceMs: 30 * DAY_MS },
        startsAt: new Date(this.#endsAt - 10 * DAY_MS).toISOString(),
        endsAt: new Date(this.#endsAt).toISOString(),
        ...event,
      }),
    );
    let next = 0;
    const work = async () => {
      while (next < this.users) {
        const from = next;
        next += BATCH;
        await this.#batch(client, from);
      }
    };
    await Promise.all(Array.from({ length: BATCHES_IN_FLIGHT }, work));
    await this.setGrace(client, 0);
  }

  async setGrace(client: Client, days: number): Promise<void> {
    await answered(client.events.change(this.eventKey, { graceMs: days * DAY_MS }));
  }

  /** A batch is asked again until all of it is granted: the server may be full. */
  async #batch(client: Client, from: number): Promise<void> {
    const { eventKey } = this;
    const numbers = Array.from({ length: Math.min(BATCH, this.users - from) }, (_, i) => from + i);
    const userIds = numbers.map((number) => this.userIdOf(number));
    for (let open = numbers.length; open > 0; ) {
      const replies = await client.claimBatch({ eventKey, userIds, batchId: `b${from / BATCH}`, deadlineMs: 30_000 });
      open = 0;
      for (const [i, reply] of replies.entries()) {
        if (reply.code === 'GRANTED' || reply.code === 'REPLAYED') this.grantedAt[from + i] = reply.claim.grantedAt;
        else open++;
      }
    }
  }
}

async function answered(answer: Promise<{ code: string; detail?: string | undefined }>): Promise<void> {
  const { code, detail = '' } = await answer;
  if (code !== 'OK') throw new Error(`${code} ${detail}`);
}

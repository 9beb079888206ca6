/**
 * A closed loop of many claims in flight over several clients. Each answer is that of one frame: what the client would retry by
 * itself is left as it came, so that the history holds every single answer. Invariant: after `stop` nothing is in flight.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { type ClaimReply, type Client, ERRORS } from '../../../clients/index.ts';
import { heardOf } from '../audit/ask-again.ts';
import { type Ask, asksOf, type BatchAsk, type Heard, type History, type Sending } from '../audit/history.ts';

/** A lane whose question was not decided waits a little, as players do. */
const PAUSE_MS = 20;

export type CrowdOptions = {
  /** Where each lane sends; lanes are dealt to clients in turn. */
  clients: readonly Client[];
  history: History;
  questions: { next(): Ask; nextBatch?(): BatchAsk };
  /** Lanes of single claims. */
  inFlight: number;
  /** Lanes of batches; then the questions must have some. */
  batchesInFlight?: number;
  /** How long a lane of batches waits between two, in milliseconds; 0 when absent. */
  batchPauseMs?: number;
  /** Told of every answer. */
  onHeard?: (ask: Ask, heard: Heard) => void;
  /** Who wants to hear every single answer leaves nothing to the client; `never` is the default. */
  retry?: 'auto' | 'never';
  /** How long a claim may take, in milliseconds. */
  deadlineMs?: number;
};

type Waiter = { isIt: (ask: Ask, heard: Heard) => boolean; tell: () => void };

export class Crowd {
  readonly #options: CrowdOptions;
  #isStopping = false;
  #lanes: Promise<void>[] = [];
  #waiters: Waiter[] = [];

  constructor(options: CrowdOptions) {
    this.#options = options;
  }

  start(): void {
    const { clients, inFlight, batchesInFlight = 0 } = this.#options;
    const run = async (client: Client, askOnce: (client: Client) => Promise<boolean>) => {
      while (!this.#isStopping) if (await askOnce(client)) await delay(PAUSE_MS);
    };
    const lanes = (count: number, askOnce: (client: Client) => Promise<boolean>) =>
      Array.from({ length: count }, (_, lane) => run(clients[lane % clients.length] as Client, askOnce));
    this.#lanes = [
      ...lanes(inFlight, (client) => this.#claim(client)),
      ...lanes(batchesInFlight, (client) => this.#claimBatch(client)),
    ];
  }

  /** Asks nothing new; resolves when every question has its answer, and be it that it is lost. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    await Promise.all(this.#lanes);
  }

  /** Resolves with the next answer of which `isIt` is true; rejects when none comes in time. */
  heard(isIt: Waiter['isIt'], timeMsMax = 60_000): Promise<void> {
    return new Promise((resolve, reject) => {
      const alarm = setTimeout(() => reject(new Error(`the crowd waited ${timeMsMax} ms in vain`)), timeMsMax);
      const tell = () => {
        clearTimeout(alarm);
        resolve();
      };
      this.#waiters.push({ isIt, tell });
    });
  }

  #tell(ask: Ask, heard: Heard): void {
    const told = this.#waiters.filter(({ isIt }) => isIt(ask, heard));
    if (told.length === 0) return;
    this.#waiters = this.#waiters.filter((waiter) => !told.includes(waiter));
    for (const { tell } of told) tell();
  }

  /** Resolves with whether to wait before the next question. */
  async #claim(client: Client): Promise<boolean> {
    const { questions } = this.#options;
    const ask = questions.next();
    const sending = this.#options.history.sent(ask);
    return this.#hear(sending, await client.claim({ ...ask, ...this.#callOptions() }));
  }

  async #claimBatch(client: Client): Promise<boolean> {
    const { history, questions } = this.#options;
    const batch = questions.nextBatch?.() as BatchAsk;
    const sendings = asksOf(batch).map((ask) => history.sent(ask));
    const replies = await client.claimBatch({ ...batch, ...this.#callOptions() });
    const waits = replies.map((reply, i) => this.#hear(sendings[i] as Sending, reply));
    const { batchPauseMs = 0 } = this.#options;
    if (batchPauseMs > 0) await delay(batchPauseMs);
    return waits.includes(true);
  }

  #callOptions() {
    const { retry = 'never', deadlineMs } = this.#options;
    return { retry, deadlineMs };
  }

  #hear(sending: Sending, reply: ClaimReply): boolean {
    const heard = heardOf(reply);
    this.#options.history.heard(sending, heard);
    this.#options.onHeard?.(sending.ask, heard);
    this.#tell(sending.ask, heard);
    return heard.code === 'PAUSED' || ERRORS[heard.code].retry === 'sameId';
  }
}

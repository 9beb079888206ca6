/**
 * A closed loop of many claims in flight over several clients. Each claim is one frame: what the client would retry by
 * itself is left as it came, so that the history holds every single answer. Invariant: after `stop` nothing is in flight.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { type ClaimReply, type Client, ERRORS } from '../../../clients/index.ts';
import type { Ask, Heard, History } from '../audit/history.ts';

/** A lane whose question was not decided waits a little, as players do. */
const PAUSE_MS = 20;

export type CrowdOptions = {
  /** Where each lane sends; lanes are dealt to clients in turn. */
  clients: readonly Client[];
  history: History;
  questions: { next(): Ask };
  inFlight: number;
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
    const { clients, inFlight } = this.#options;
    this.#lanes = Array.from({ length: inFlight }, (_, lane) => this.#run(clients[lane % clients.length] as Client));
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

  async #run(client: Client): Promise<void> {
    const { history, questions, deadlineMs } = this.#options;
    while (!this.#isStopping) {
      const ask = questions.next();
      const sending = history.sent(ask);
      const heard = heardOf(await client.claim({ ...ask, retry: 'never', deadlineMs }));
      history.heard(sending, heard);
      this.#tell(ask, heard);
      if (heard.code === 'PAUSED' || ERRORS[heard.code].retry === 'sameId') await delay(PAUSE_MS);
    }
  }
}

export function heardOf(reply: ClaimReply): Heard {
  return { code: reply.code, claim: 'claim' in reply ? reply.claim : null };
}

/**
 * kill -9 of the server at a random moment under load, again and again on the same data. The load has a sale in it that is
 * under way when the server dies, single claims and batches. After each start the auditor asks every question of the round
 * again: some while the journal is not projected yet, some when it is.
 */
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Client } from '../../../clients/index.ts';
import { askAgain, askBatchesAgain, heardOf, listClaims, listUsers, lookUp } from '../audit/ask-again.ts';
import { violationsOf } from '../audit/auditor.ts';
import { type Ask, type BatchAsk, History } from '../audit/history.ts';
import { projected } from '../audit/projection.ts';
import type { Campaign, Context } from '../campaign.ts';
import { Crowd } from '../players/crowd.ts';
import { createEvent, qualify, STANDING_EVENTS } from '../players/events.ts';
import { Questions } from '../players/questions.ts';
import { withStore } from '../replica-set.ts';
import { ServerProcess } from '../server-process.ts';

const IN_FLIGHT = {
  full: { inFlight: 512, batchesInFlight: 4 },
  short: { inFlight: 160, batchesInFlight: 2 },
} as const;
const UNANSWERED_MIN = 100;
/** Of one round. */
const USERS = { full: 5_000, short: 400 } as const;
/** In the suite other programs share the machine, and a slow start is no finding. */
const FIRST_SERVED_MS_MAX = { full: 5_000, short: 30_000 } as const;
/** When the kill comes, counted from the first unit that was sold. */
const KILL_AFTER_MS = { min: 20, spread: { full: 250, short: 100 } } as const;
/** Units above the users of a round, so that the sale is never over before the kill. */
const STOCK_SPARE = 100;
/** So many of all rounds, and of this one when it is projected, are asked again once more. */
const SAMPLE = { full: 200, short: 60 } as const;
const BATCHES_ASKED_AGAIN = 5;
/** How long journaled claims wait for the store: mostly so short that a kill meets a projection. */
const INTERVALS = ['100ms', '100ms', '100ms', '1s', '3s'] as const;

type Round = { name: string; sale: string; from: number; batches: readonly BatchAsk[] };

class KillCampaign {
  readonly #context: Context;
  readonly #storeUri: string | undefined;
  readonly #history = new History();
  readonly #users: number;
  readonly #stock: number;

  constructor(context: Context, storeUri: string | undefined) {
    this.#context = context;
    this.#storeUri = storeUri;
    this.#users = USERS[context.length];
    this.#stock = this.#users + STOCK_SPARE;
  }

  async run(): Promise<void> {
    const { findings, rounds, mode } = this.#context;
    let server = await this.#start();
    await server.with(async (client) => {
      for (const event of STANDING_EVENTS) await createEvent(client, this.#history, { ...event, mode });
    });
    for (let n = 1; n <= rounds; n++) server = await this.#round(n, server);
    const listed = await server.with((client) => this.#listAll(client));
    findings.add('rounds', rounds);
    findings.add('requests sent', this.#history.sendings.length);
    findings.add('claims stored', listed.length);
    for (const violation of violationsOf(this.#history, listed)) findings.violation(violation);
    await server.stop();
  }

  #start(): Promise<ServerProcess> {
    const { processes, folder, chance } = this.#context;
    const settings = ['--projection-interval', chance.pick(INTERVALS)];
    return ServerProcess.start(processes, { data: join(folder, 'data'), storeUri: this.#storeUri, settings });
  }

  async #listAll(client: Client) {
    await projected([client], this.#context.findings);
    return listClaims(client, [...this.#history.events.keys()]);
  }

  /** Resolves with the server that was started after the kill. */
  async #round(n: number, server: ServerProcess): Promise<ServerProcess> {
    const { findings } = this.#context;
    const names = { name: `r${n}`, sale: `sale-${n}`, from: this.#history.sendings.length };
    const { batches, ...load } = await this.#loadUntilKill(names, server);
    const round = { ...names, batches };
    const started = await this.#start();
    const firstServedMs = await this.#firstServed(started, round);
    findings.expect(
      firstServedMs < FIRST_SERVED_MS_MAX[this.#context.length],
      `${round.name}: first claim after ${firstServedMs} ms`,
    );
    const { sold, asked } = await started.with((client) => this.#audit(round, client));
    findings.row({ round: n, ...load, 'sold at kill': sold, 'asked again': asked, 'first served ms': firstServedMs });
    return started;
  }

  async #loadUntilKill({ name, sale, from }: Omit<Round, 'batches'>, server: ServerProcess) {
    const { chance, findings, mode, length } = this.#context;
    const history = this.#history;
    const clients = [await server.connect({ connections: 3 }), await server.connect({ connections: 3 })];
    const [first] = clients as [Client];
    await createEvent(first, history, { eventKey: sale, stock: this.#stock, mode });
    await qualify(first, { round: name, users: this.#users });
    const eventKeys = ['open', 'open', 'daily', 'listed', sale, sale];
    const questions = new Questions(chance, { round: name, eventKeys, users: this.#users });
    const crowd = new Crowd({ clients, history, questions, ...IN_FLIGHT[length] });
    crowd.start();
    await crowd.heard((ask, { code }) => ask.eventKey === sale && code === 'GRANTED');
    await delay(KILL_AFTER_MS.min + chance.integer(KILL_AFTER_MS.spread[length]));
    const unanswered = history.unanswered;
    const answers = history.sendings.length - from - unanswered;
    await server.kill();
    await crowd.stop();
    for (const client of clients) client.close();
    findings.expect(unanswered >= UNANSWERED_MIN, `${name}: only ${unanswered} unanswered at the kill`);
    findings.add('unanswered at a kill', unanswered);
    return { unanswered, 'answered before': answers, batches: questions.batches };
  }

  /** Milliseconds from the spawn to the first claim that is answered with a claim. */
  async #firstServed(server: ServerProcess, { name }: Round): Promise<number> {
    return server.with(async (client) => {
      const ask: Ask = { eventKey: 'open', userId: `first.${name}`, requestId: `first-${name}` };
      const sending = this.#history.sent(ask);
      const heard = heardOf(await client.claim(ask));
      this.#history.heard(sending, heard);
      this.#context.findings.expect(heard.code === 'GRANTED', `${name}: first claim was answered ${heard.code}`);
      return Math.round(performance.now() - server.spawnedAtMs);
    });
  }

  async #audit(round: Round, client: Client) {
    const { findings } = this.#context;
    const history = this.#history;
    const asks = history.asksFrom(round.from);
    const half = Math.ceil(asks.length / 2);
    await this.#askEverything(client, asks.slice(0, half));
    await askBatchesAgain(client, history, round.batches.slice(-BATCHES_ASKED_AGAIN));
    await projected([client], findings);
    const sold = (await listClaims(client, [round.sale])).length;
    findings.add('kills in the middle of a sale', sold > 0 && sold < this.#stock ? 1 : 0);
    await this.#askEverything(client, asks.slice(half));
    await this.#askEverything(client, this.#sampleOf(asks));
    await askAgain(client, history, this.#sampleOf(history.asksFrom(0)));
    await this.#sellRest(client, round);
    return { sold, asked: asks.length };
  }

  async #askEverything(client: Client, asks: readonly Ask[]): Promise<void> {
    await lookUp(client, this.#history, asks);
    await askAgain(client, this.#history, asks);
    const users = new Set(this.#sampleOf(asks).map(({ userId }) => userId));
    await listUsers(client, this.#history, [...users]);
  }

  #sampleOf(asks: readonly Ask[]): Ask[] {
    return Array.from({ length: SAMPLE[this.#context.length] }, () => this.#context.chance.pick(asks));
  }

  /** As many buyers more as there are units: all are sold then, and some must hear SOLD_OUT. */
  async #sellRest(client: Client, { name, sale }: Round): Promise<void> {
    const { findings } = this.#context;
    const buyers = Array.from({ length: this.#stock }, (_, n) => ({
      eventKey: sale,
      userId: `rest${n}.${name}`,
      requestId: `rest-${name}-${n}`,
    }));
    await askAgain(client, this.#history, buyers);
    await projected([client], findings);
    const claims = await listClaims(client, [sale]);
    const isSold = claims.length === this.#stock;
    findings.expect(isSold, `${name}: ${claims.length} of ${this.#stock} units sold at last`);
  }
}

export const kill: Campaign = {
  help: 'kill -9 of the server under load, again and again on the same data',
  rounds: { lmdb: 50, mongo: 20 },
  stores: ['lmdb', 'mongo'],
  modes: ['direct', 'journal'],
  run: (context) => withStore(context, (storeUri) => new KillCampaign(context, storeUri).run()),
};

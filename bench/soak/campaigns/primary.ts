/**
 * kill -9 of the primary of a three-member set while two servers sell and grant; the killed member comes back each time.
 * What is in doubt meanwhile may be lost or done, and the auditor finds out which.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { Client } from '../../../clients/index.ts';
import type { ReplicaSet } from '../../../server/testing/mongod.ts';
import { askAgain, listClaims, lookUp } from '../audit/ask-again.ts';
import { violationsOf } from '../audit/auditor.ts';
import { History } from '../audit/history.ts';
import { projected } from '../audit/projection.ts';
import type { Campaign, Context } from '../campaign.ts';
import { Crowd } from '../players/crowd.ts';
import { createEvent, qualify, STANDING_EVENTS } from '../players/events.ts';
import { Questions } from '../players/questions.ts';
import { withReplicaSet } from '../replica-set.ts';
import { startTwo } from '../two-servers.ts';

const IN_FLIGHT = 256;
const USERS = 100_000;
const STOCK = 200_000;
const LOAD_MS = { min: 200, spread: 400 } as const;
/** The load goes on so long after the first grant of the new primary. */
const AFTERWARDS_MS = 500;

class PrimaryCampaign {
  readonly #context: Context;
  readonly #set: ReplicaSet;
  readonly #history = new History();

  constructor(context: Context, set: ReplicaSet) {
    this.#context = context;
    this.#set = set;
  }

  async run(): Promise<void> {
    const { rounds, mode, findings } = this.#context;
    const options = { name: 'primary', storeUri: this.#set.freshUri(), command: 'server' } as const;
    const { servers } = await startTwo(this.#context, options);
    const clients = await Promise.all(servers.map((server) => server.connect({ connections: 2 })));
    const [one, other] = clients as [Client, Client];
    for (const event of STANDING_EVENTS) await createEvent(one, this.#history, { ...event, mode });
    for (let n = 1; n <= rounds; n++) await this.#round(n, clients);
    await projected(clients, findings);
    const listed = await listClaims(other, [...this.#history.events.keys()]);
    for (const client of clients) client.close();
    findings.add('rounds', rounds);
    findings.add('requests sent', this.#history.sendings.length);
    findings.add('claims stored', listed.length);
    for (const violation of violationsOf(this.#history, listed)) findings.violation(violation);
  }

  async #round(n: number, clients: readonly Client[]): Promise<void> {
    const { chance, mode, findings } = this.#context;
    const [one, other] = clients as [Client, Client];
    const history = this.#history;
    const from = history.sendings.length;
    const round = `r${n}`;
    const sale = `sale-${n}`;
    await createEvent(one, history, { eventKey: sale, stock: STOCK, mode });
    await qualify(one, { round, users: USERS });
    const eventKeys = ['open', 'daily', 'listed', sale];
    const questions = new Questions(chance, { round, eventKeys, users: USERS });
    const crowd = new Crowd({ clients, history, questions, inFlight: IN_FLIGHT });
    crowd.start();
    await crowd.heard(() => true);
    await delay(LOAD_MS.min + chance.integer(LOAD_MS.spread));
    const { unanswered, outageMs } = await this.#killPrimary(crowd);
    await delay(AFTERWARDS_MS);
    await crowd.stop();
    const lost = history.sendings.slice(from).filter(({ heard }) => heard?.code === 'OUTCOME_UNKNOWN').length;
    const asks = history.asksFrom(from);
    await lookUp(other, history, asks);
    await askAgain(other, history, asks);
    await projected(clients, findings);
    const sold = (await listClaims(one, [sale])).length;
    findings.row({ round: n, unanswered, 'outage ms': outageMs, lost, 'asked again': asks.length, sold });
  }

  /** Resolves when a claim is granted again; the killed member is back by then or a little later. */
  async #killPrimary(crowd: Crowd) {
    const primary = await this.#set.primary();
    const unanswered = this.#history.unanswered;
    await primary.kill('SIGKILL');
    const killedAtMs = performance.now();
    // Before there is another primary, a grant that is heard was sent before the kill.
    await this.#set.primary();
    await crowd.heard((_, { code }) => code === 'GRANTED');
    const outageMs = Math.round(performance.now() - killedAtMs);
    await primary.start();
    return { unanswered, outageMs };
  }
}

export const primary: Campaign = {
  help: 'kill -9 of the primary of a three-member set under load of two servers',
  rounds: { lmdb: 0, mongo: 3 },
  stores: ['mongo'],
  modes: ['direct', 'journal'],
  run: (context) => withReplicaSet(3, (set) => new PrimaryCampaign(context, set).run()),
};

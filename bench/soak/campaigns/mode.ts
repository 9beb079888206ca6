/**
 * Events are switched between direct and journal, each on its own, again and again while everybody claims. Whatever the
 * moment, nothing is lost and nothing granted twice, players hear of nothing worse than BUSY, and grants go on soon.
 */
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Client, Mode } from '../../../clients/index.ts';
import type { ErrorName } from '../../../protocol/errors.ts';
import { askAgain, listClaims, listUsers, lookUp } from '../audit/ask-again.ts';
import { violationsOf } from '../audit/auditor.ts';
import { type Ask, type Heard, History } from '../audit/history.ts';
import { projected } from '../audit/projection.ts';
import type { Campaign, Context } from '../campaign.ts';
import { Crowd } from '../players/crowd.ts';
import { createEvent } from '../players/events.ts';
import { Questions } from '../players/questions.ts';
import { withStore } from '../replica-set.ts';
import { ServerProcess } from '../server-process.ts';

const EVENTS = [
  { eventKey: 'open' },
  { eventKey: 'daily', period: 'daily', timeZone: 'Asia/Seoul', resetHour: 4 },
  { eventKey: 'sale', stock: 1_000_000 },
] as const;
/** Not more than the embedded store takes in: a journal that runs away from its claims cannot be left soon. */
const IN_FLIGHT = { full: 24, short: 16 } as const;
const BATCH_PAUSE_MS = 200;
/** So many that there is always somebody who has not claimed yet. */
const USERS = { full: 300_000, short: 20_000 } as const;
const BETWEEN_MS = { full: { min: 200, spread: 3_000 }, short: { min: 50, spread: 100 } } as const;
/** Without a grant of an event. In the suite other programs share the machine, and a hiccup of theirs is no finding. */
const OUTAGE_MS_MAX = { full: 3_000, short: 10_000 } as const;
const SWITCH_DEADLINE_MS = 30_000;
const SAMPLE = { full: 5_000, short: 300 } as const;
/** The repeated questions that players ask as well have answers of their own. */
const EXPECTED: ReadonlySet<ErrorName> = new Set(['GRANTED', 'REPLAYED', 'ALREADY_CLAIMED', 'KEY_REUSED', 'BUSY']);
const LOST: ReadonlySet<ErrorName> = new Set(['OUTCOME_UNKNOWN']);

/** When an event was last granted, and the longest time between two grants. */
type Grants = { lastAtMs: number; outageMs: number; count: number };

class ModeCampaign {
  readonly #context: Context;
  readonly #history = new History();
  readonly #grants = new Map<string, Grants>();
  readonly #codes = new Map<ErrorName, number>();

  constructor(context: Context) {
    this.#context = context;
  }

  async run(storeUri: string | undefined): Promise<void> {
    const { processes, folder, mode, findings } = this.#context;
    const settings = ['--projection-interval', '100ms'];
    const server = await ServerProcess.start(processes, { data: join(folder, 'data'), storeUri, settings });
    const clients = [await server.connect({ connections: 2 }), await server.connect()];
    const [one, other] = clients as [Client, Client];
    for (const event of EVENTS) await createEvent(one, this.#history, { ...event, mode });
    await this.#load(one, () => Promise.all(EVENTS.map(({ eventKey }) => this.#switch(eventKey, other))));
    for (const [code, count] of this.#codes) {
      findings.add(`answered ${code}`, count);
      findings.expect(EXPECTED.has(code), `${count} claims were answered ${code}`);
    }
    await this.#audit(one);
    for (const client of clients) client.close();
    await server.stop();
  }

  async #load(client: Client, meanwhile: () => Promise<unknown>): Promise<void> {
    const { chance, length } = this.#context;
    const eventKeys = EVENTS.map(({ eventKey }) => eventKey);
    // While one is on its way to a block and the other to the store, nobody sees that they have the same request id.
    const questions = new Questions(chance, { round: 'm', eventKeys, users: USERS[length], reuse: 'granted' });
    const crowd = new Crowd({
      ...{ clients: [client], history: this.#history, questions },
      ...{ inFlight: IN_FLIGHT[length], batchesInFlight: 1, batchPauseMs: BATCH_PAUSE_MS },
      onHeard: (ask, heard) => {
        questions.heard(ask, heard);
        this.#heard(ask, heard);
      },
    });
    crowd.start();
    await Promise.all(eventKeys.map((key) => this.#granted(crowd, key)));
    await meanwhile();
    // The last switch must be seen to end as well.
    await Promise.all(eventKeys.map((key) => this.#granted(crowd, key)));
    await crowd.stop();
  }

  #granted(crowd: Crowd, eventKey: string): Promise<void> {
    return crowd.heard((ask, { code }) => ask.eventKey === eventKey && code === 'GRANTED');
  }

  #heard({ eventKey }: Ask, { code }: Heard): void {
    this.#codes.set(code, (this.#codes.get(code) ?? 0) + 1);
    if (code !== 'GRANTED') return;
    const nowMs = performance.now();
    const { lastAtMs, outageMs, count } = this.#grants.get(eventKey) ?? { lastAtMs: nowMs, outageMs: 0, count: 0 };
    this.#grants.set(eventKey, { lastAtMs: nowMs, outageMs: Math.max(outageMs, nowMs - lastAtMs), count: count + 1 });
  }

  /** There and back as often as there are rounds. */
  async #switch(eventKey: string, client: Client): Promise<void> {
    const { chance, rounds, length, mode, findings } = this.#context;
    const { min, spread } = BETWEEN_MS[length];
    const modes: readonly Mode[] = mode === 'direct' ? ['journal', 'direct'] : ['direct', 'journal'];
    let longestMs = 0;
    for (let turn = 0; turn < 2 * rounds; turn++) {
      await delay(min + chance.integer(spread));
      const to = modes[turn % 2] as Mode;
      const startedAtMs = performance.now();
      const answer = await client.events.setMode(eventKey, to, { deadlineMs: SWITCH_DEADLINE_MS });
      longestMs = Math.max(longestMs, performance.now() - startedAtMs);
      const isSwitched = answer.code === 'OK' && answer.event.mode === to;
      findings.expect(isSwitched, `${eventKey} to ${to}: ${answer.code}`);
    }
    const { outageMs = 0, count = 0 } = this.#grants.get(eventKey) ?? {};
    const [outage, longest] = [Math.round(outageMs), Math.round(longestMs)];
    findings.row({ event: eventKey, grants: count, 'longest without grants ms': outage, 'longest switch ms': longest });
    findings.expect(outage < OUTAGE_MS_MAX[length], `${eventKey}: no grant for ${outage} ms`);
    findings.add('switches', 2 * rounds);
  }

  async #audit(client: Client): Promise<void> {
    const { chance, findings, length } = this.#context;
    const history = this.#history;
    const asks = history.asksFrom(0);
    const sample = Array.from({ length: SAMPLE[length] }, () => chance.pick(asks));
    const lost = history.sendings.filter(({ heard }) => heard === null || LOST.has(heard.code)).map(({ ask }) => ask);
    await lookUp(client, history, sample);
    await listUsers(client, history, [...new Set(sample.map(({ userId }) => userId))]);
    await askAgain(client, history, [...lost, ...sample]);
    await projected([client], findings);
    await askAgain(client, history, sample);
    const listed = await listClaims(client, [...history.events.keys()]);
    findings.add('claims stored', listed.length);
    for (const violation of violationsOf(history, listed)) findings.violation(violation);
  }
}

export const mode: Campaign = {
  help: 'events are switched between direct and journal under load',
  rounds: { lmdb: 10, mongo: 5 },
  stores: ['lmdb', 'mongo'],
  modes: ['direct', 'journal'],
  run: (context) => withStore(context, (storeUri) => new ModeCampaign(context).run(storeUri)),
};

/**
 * Two replica sets as the stores main and b of one server, both under load: kill -9 of b's only member must stop b's events and
 * no other, answer whoever asks for them within bounds, and lose nothing that was acknowledged. Then it comes back.
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
import { createEvent } from '../players/events.ts';
import { type Metered, MeteredQuestions } from '../players/metered.ts';
import { withReplicaSet } from '../replica-set.ts';
import { ServerProcess } from '../server-process.ts';

const IN_FLIGHT = { main: 48, b: 48 } as const;
/** Before a window, for the load to find its pace. */
const WARM_UP_MS = { full: 1_500, short: 300 } as const;
const WINDOW_MS = { full: 4_000, short: 500 } as const;
const AFTERWARDS_MS = { full: 1_000, short: 200 } as const;
/** No answer of b's events may take longer; the deadline is what ends a write that was on its way. */
const DEADLINE_MS = 5_000;
const ANSWER_MS_MAX = DEADLINE_MS + 500;
/** Of main while b is gone and asked all the same, against main while b was there: at rest, and under load. */
const LEAST_SHARE = 0.75;
const MOST_SHARE = 1.25;
const STOCK = 1_000_000;
/** What may be said of an event whose store is away: a grant may have been on its way, and nothing is refused for good. */
const AWAY: ReadonlySet<string> = new Set(['GRANTED', 'OUTCOME_UNKNOWN', 'STORE_UNAVAILABLE', 'BUSY']);

type Sets = { main: ReplicaSet; b: ReplicaSet };
type Round = { alone: Metered; main: Metered; mainWithoutB: Metered; bGone: Metered; backMs: number };

class StoresCampaign {
  readonly #context: Context;
  readonly #sets: Sets;
  readonly #history = new History();

  constructor(context: Context, sets: Sets) {
    this.#context = context;
    this.#sets = sets;
  }

  async run(): Promise<void> {
    const { rounds, processes, folder, findings, length } = this.#context;
    const settings = ['--store', `b=${this.#sets.b.freshUri()}`];
    const storeUri = `main=${this.#sets.main.freshUri()}`;
    const server = await ServerProcess.start(processes, { data: folder, storeUri, settings });
    // A client each, so that nobody waits behind the answers of the other.
    const clients = { main: await server.connect(), b: await server.connect() };
    const figures: Round[] = [];
    for (let n = 1; n <= rounds; n++) figures.push(await this.#round(n, clients));
    await projected([clients.main], findings);
    const listed = await listClaims(clients.main, [...this.#history.events.keys()]);
    for (const client of Object.values(clients)) client.close();
    findings.add('requests sent', this.#history.sendings.length);
    findings.add('claims stored', listed.length);
    for (const violation of violationsOf(this.#history, listed)) findings.violation(violation);
    // A short window tells nothing about a rate.
    if (length === 'full') this.#judge(figures);
  }

  async #round(n: number, clients: { main: Client; b: Client }): Promise<Round> {
    const { mode, length, findings } = this.#context;
    const history = this.#history;
    const from = history.sendings.length;
    const keys = { main: [`main-${n}`], b: [`b-${n}`, `b-sale-${n}`] } as const;
    await createEvent(clients.main, history, { eventKey: keys.main[0], mode });
    await createEvent(clients.main, history, { eventKey: keys.b[0], store: 'b', mode: 'direct' });
    await createEvent(clients.main, history, { eventKey: keys.b[1], store: 'b', mode: 'direct', stock: STOCK });
    const crowdOf = (name: 'main' | 'b') => {
      const questions = new MeteredQuestions({ eventKeys: keys[name], tag: `${name}${n}` });
      const onHeard = questions.heard.bind(questions);
      const options = { clients: [clients[name]], inFlight: IN_FLIGHT[name], deadlineMs: DEADLINE_MS, onHeard };
      return { questions, crowd: new Crowd({ ...options, history, questions }) };
    };
    const main = crowdOf('main');
    const b = crowdOf('b');
    main.crowd.start();
    await delay(WARM_UP_MS[length]);
    main.questions.measured();
    await delay(WINDOW_MS[length]);
    const alone = main.questions.measured();
    b.crowd.start();
    await delay(WARM_UP_MS[length]);
    main.questions.measured();
    await delay(WINDOW_MS[length]);
    const [member] = this.#sets.b.members;
    if (member === undefined) throw new Error('b has no member');
    const before = main.questions.measured();
    b.questions.measured();
    await member.kill('SIGKILL');
    await delay(WINDOW_MS[length]);
    const mainWithoutB = main.questions.measured();
    const page = await clients.main.claims.ofUser({ userId: `u0.main${n}` });
    const incomplete = page.code === 'OK' ? page.incomplete : null;
    findings.expect(incomplete?.join() === 'b', `round ${n}: a list without b's claims says ${incomplete}`);
    const startedAtMs = performance.now();
    await member.start();
    await b.crowd.heard((_, { code }) => code === 'GRANTED');
    const backMs = performance.now() - startedAtMs;
    const bGone = b.questions.measured();
    await delay(AFTERWARDS_MS[length]);
    await Promise.all([main.crowd.stop(), b.crowd.stop()]);
    await this.#audit(clients.b, from);
    const round = { alone, main: before, mainWithoutB, bGone, backMs };
    this.#tell(n, round);
    return round;
  }

  async #audit(client: Client, from: number): Promise<void> {
    const history = this.#history;
    const of = (isIt: (code: string | undefined) => boolean) =>
      history.sendings.slice(from).flatMap(({ ask, heard }) => (isIt(heard?.code) ? [ask] : []));
    await lookUp(
      client,
      history,
      of((code) => code === 'OUTCOME_UNKNOWN'),
    );
    await askAgain(
      client,
      history,
      of((code) => code !== 'GRANTED'),
    );
  }

  #tell(n: number, { alone, main, mainWithoutB, bGone, backMs }: Round): void {
    const { findings } = this.#context;
    for (const code of Object.keys(bGone.codes)) {
      findings.expect(AWAY.has(code), `round ${n}: an event of b was answered ${code}`);
    }
    for (const code of Object.keys(mainWithoutB.codes)) {
      findings.expect(code === 'GRANTED', `round ${n}: an event of main was answered ${code}`);
    }
    findings.expect(bGone.maxMs <= ANSWER_MS_MAX, `round ${n}: an answer of b took ${Math.round(bGone.maxMs)} ms`);
    const { OUTCOME_UNKNOWN: unknown = 0, STORE_UNAVAILABLE: unavailable = 0, BUSY: busy = 0 } = bGone.codes;
    findings.row({
      round: n,
      'alone /s': Math.round(alone.perS),
      'main /s': Math.round(main.perS),
      'without b /s': Math.round(mainWithoutB.perS),
      'alone p99 ms': alone.p99Ms,
      'main p99 ms': main.p99Ms,
      'without b p99 ms': mainWithoutB.p99Ms,
      'without b ms max': Math.round(mainWithoutB.maxMs),
      'b unknown': unknown,
      'b unavailable': unavailable,
      'b busy': busy,
      'b answer ms max': Math.round(bGone.maxMs),
      'back ms': Math.round(backMs),
    });
  }

  #judge(figures: readonly Round[]): void {
    const { findings } = this.#context;
    for (const [baseline, what] of [
      ['alone', 'with b at rest'],
      ['main', 'with b under load'],
    ] as const) {
      const rate = median(figures.map((round) => round.mainWithoutB.perS / round[baseline].perS));
      const p99 = median(figures.map((round) => round.mainWithoutB.p99Ms / round[baseline].p99Ms));
      findings.add(`main without b, % of its rate ${what} (median)`, Math.round(rate * 100));
      findings.add(`main without b, % of its p99 ${what} (median)`, Math.round(p99 * 100));
      findings.expect(rate >= LEAST_SHARE, `main without b grants ${rate.toFixed(2)} of its rate ${what}`);
      findings.expect(p99 <= MOST_SHARE, `main without b has ${p99.toFixed(2)} of its p99 ${what}`);
    }
  }
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}

export const stores: Campaign = {
  help: 'kill -9 of the only member of the second of two stores, under load on both',
  rounds: { lmdb: 0, mongo: 3 },
  stores: ['mongo'],
  modes: ['direct', 'journal'],
  run: (context) =>
    withReplicaSet(1, (main) => withReplicaSet(1, (b) => new StoresCampaign(context, { main, b }).run())),
};

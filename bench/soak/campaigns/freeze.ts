/**
 * One of two servers is stopped in the middle of its work (SIGSTOP), the events are paused through the other, and then it
 * wakes with decisions in its hands that are no longer right. Nothing may be granted once the pause has held for a second.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { Client } from '../../../clients/index.ts';
import type { Claim } from '../../../protocol/claim.ts';
import { askAgain, listClaims } from '../audit/ask-again.ts';
import { violationsOf } from '../audit/auditor.ts';
import { History } from '../audit/history.ts';
import { projected } from '../audit/projection.ts';
import type { Campaign, Context } from '../campaign.ts';
import { withDatabase } from '../database.ts';
import { Crowd } from '../players/crowd.ts';
import { createEvent } from '../players/events.ts';
import { Questions } from '../players/questions.ts';
import { withReplicaSet } from '../replica-set.ts';
import type { ServerProcess } from '../server-process.ts';
import { startTwo } from '../two-servers.ts';

const IN_FLIGHT = { full: { frozen: 192, awake: 32 }, short: { frozen: 96, awake: 8 } } as const;
const USERS = 20_000;
const STOCK = 100_000;
const LOAD_MS = { min: 150, spread: 300 } as const;
/** With a journal it is shorter than the lease of its owner, so that nobody else has taken over when it wakes. */
const FREEZE_MS = {
  direct: { full: 5_000, short: 1_700 },
  journal: { full: 3_000, short: 1_700 },
} as const;
const BEFORE_PAUSE_MS = 200;
/** A change of an event holds everywhere after this long. */
const PAUSE_HOLDS_MS = 1_000;
/** How long the woken server is watched. */
const WATCH_MS = 700;
const LOOK_EVERY_MS = 50;
/** The client's own deadline must not end what the frozen server still has to answer. */
const DEADLINE_MS = 30_000;

/** Blocks of the journal that hold claims, by their ids. */
type Blocks = Set<string>;
type Pair = { frozen: ServerProcess; clients: readonly [frozen: Client, awake: Client] };

class FreezeCampaign {
  readonly #context: Context;
  readonly #storeUri: string;
  readonly #history = new History();

  constructor(context: Context, storeUri: string) {
    this.#context = context;
    this.#storeUri = storeUri;
  }

  async run(): Promise<void> {
    const { rounds, mode, findings } = this.#context;
    // The first writes the journal, if there is one.
    const order = mode === 'journal' ? 'inTurn' : 'together';
    const options = { name: 'freeze', storeUri: this.#storeUri, command: 'server', order } as const;
    const [frozen, awake] = (await startTwo(this.#context, options)).servers;
    const clients = [await frozen.connect({ connections: 2 }), await awake.connect()] as const;
    for (let n = 1; n <= rounds; n++) await this.#round(n, { frozen, clients });
    await projected(clients, findings);
    const listed = await listClaims(clients[1], [...this.#history.events.keys()]);
    for (const client of clients) client.close();
    findings.add('rounds', rounds);
    findings.add('claims stored', listed.length);
    for (const violation of violationsOf(this.#history, listed)) findings.violation(violation);
  }

  async #round(n: number, { frozen, clients }: Pair): Promise<void> {
    const { chance, mode, findings, length } = this.#context;
    const [first, second] = clients;
    const history = this.#history;
    const from = history.sendings.length;
    const round = `r${n}`;
    const eventKeys = [`open-${n}`, `sale-${n}`];
    await createEvent(first, history, { eventKey: `open-${n}`, mode });
    await createEvent(first, history, { eventKey: `sale-${n}`, stock: STOCK, mode });
    const questions = new Questions(chance, { round, eventKeys, users: USERS });
    const options = { history, questions, deadlineMs: DEADLINE_MS };
    const sleepers = new Crowd({ ...options, clients: [first], inFlight: IN_FLIGHT[length].frozen });
    const others = new Crowd({ ...options, clients: [second], inFlight: IN_FLIGHT[length].awake });
    for (const crowd of [sleepers, others]) crowd.start();
    await sleepers.heard((_, { code }) => code === 'GRANTED');
    await delay(LOAD_MS.min + chance.integer(LOAD_MS.spread));

    const thawAtMs = performance.now() + FREEZE_MS[mode][length];
    frozen.freeze();
    const unanswered = history.unanswered;
    await delay(BEFORE_PAUSE_MS);
    await this.#pause(second, eventKeys);
    const pausedAt = Date.now();
    await delay(PAUSE_HOLDS_MS);
    const before = await listClaims(second, eventKeys);
    const blocks = await this.#blocks();
    await delay(Math.max(0, thawAtMs - performance.now()));
    frozen.thaw();
    await Promise.all([sleepers.heard((_, { code }) => code === 'PAUSED'), this.#watchBlocks(blocks)]);
    await delay(WATCH_MS);
    await Promise.all([sleepers.stop(), others.stop()]);
    await projected(clients, findings);
    const after = await listClaims(second, eventKeys);
    const late = mode === 'direct' ? this.#judgeLate(before, after, pausedAt) : {};
    for (const { claimKey, grantedAt } of after) {
      if (grantedAt > pausedAt + PAUSE_HOLDS_MS) findings.violation(`${claimKey} was granted after the pause`);
    }
    const resumedMs = await this.#resume(round, eventKeys, clients);
    await askAgain(second, history, history.asksFrom(from));
    findings.row({
      round: n,
      unanswered,
      'granted before': mode === 'direct' ? before.length : after.length,
      ...late,
      'resumed ms': resumedMs,
    });
  }

  #blocks(): Promise<Blocks> {
    return withDatabase(this.#storeUri, async (database) => {
      const found = await database
        .collection('journal')
        .find({ claims: { $gt: 0 } })
        .toArray();
      return new Set(found.map(({ _id }) => _id));
    });
  }

  /** Blocks that come while the events are paused grant what may not be granted any more. */
  async #watchBlocks(before: Blocks): Promise<void> {
    const endMs = performance.now() + WATCH_MS;
    const late = new Set<string>();
    while (performance.now() < endMs) {
      for (const id of await this.#blocks()) if (!before.has(id)) late.add(id);
      await delay(LOOK_EVERY_MS);
    }
    for (const id of late) this.#context.findings.violation(`block ${id} was written after the thaw`);
  }

  async #pause(client: Client, eventKeys: readonly string[]): Promise<void> {
    for (const eventKey of eventKeys) {
      const answer = await client.events.pause(eventKey);
      if (answer.code !== 'OK') throw new Error(`pause of ${eventKey}: ${answer.code}`);
    }
  }

  /**
   * What is stored now and was not a second after the pause: decided after the thaw, or decided before and written after.
   * Between a server's last look at the event and its write to the socket lies a fraction of a millisecond in which it may
   * be frozen, which only a fence in the store could close.
   */
  #judgeLate(before: readonly Claim[], after: readonly Claim[], pausedAt: number) {
    const { findings } = this.#context;
    const keys = new Set(before.map(({ claimKey }) => claimKey));
    const late = after.filter(({ claimKey }) => !keys.has(claimKey));
    for (const { claimKey } of late) findings.violation(`${claimKey} was granted after the thaw`);
    const decidedLate = late.filter(({ grantedAt }) => grantedAt > pausedAt).length;
    return { 'decided late': decidedLate, 'landed late': late.length - decidedLate };
  }

  /** Milliseconds until the woken server grants again. */
  async #resume(round: string, eventKeys: readonly string[], [first, second]: Pair['clients']): Promise<number> {
    for (const eventKey of eventKeys) {
      const answer = await second.events.resume(eventKey);
      if (answer.code !== 'OK') throw new Error(`resume of ${eventKey}: ${answer.code}`);
    }
    const resumedAtMs = performance.now();
    let n = 0;
    const next = () => {
      n++;
      const eventKey = eventKeys[n % eventKeys.length] as string;
      return { eventKey, userId: `after${n}.${round}`, requestId: `after-${round}-${n}` };
    };
    const crowd = new Crowd({ clients: [first], history: this.#history, questions: { next }, inFlight: 4 });
    const granted = eventKeys.map((key) => crowd.heard((ask, { code }) => ask.eventKey === key && code === 'GRANTED'));
    crowd.start();
    await Promise.all(granted);
    const resumedMs = Math.round(performance.now() - resumedAtMs);
    await crowd.stop();
    const isInTime = resumedMs <= PAUSE_HOLDS_MS;
    this.#context.findings.expect(isInTime, `${round}: the woken server grants ${resumedMs} ms after the resume`);
    return resumedMs;
  }
}

export const freeze: Campaign = {
  help: 'SIGSTOP of one of two servers, a pause through the other, SIGCONT: nothing is granted afterwards',
  rounds: { lmdb: 0, mongo: 5 },
  stores: ['mongo'],
  modes: ['direct', 'journal'],
  run: (context) => withReplicaSet(1, (set) => new FreezeCampaign(context, set.freshUri()).run()),
};

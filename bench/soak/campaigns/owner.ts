/**
 * Two servers on one replica set, journal events: the one that writes the journal is frozen (SIGSTOP) or killed (kill -9)
 * under load, the other takes over, and the first comes back with blocks in its hands that are not valid any more.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { type Client, connect } from '../../../clients/index.ts';
import { askAgain, askBatchesAgain, heardOf, listClaims, listUsers, lookUp } from '../audit/ask-again.ts';
import { violationsOf } from '../audit/auditor.ts';
import { type Ask, type BatchAsk, type Heard, History } from '../audit/history.ts';
import { projected } from '../audit/projection.ts';
import type { Campaign, Context } from '../campaign.ts';
import { Crowd } from '../players/crowd.ts';
import { createEvent, qualify, STANDING_EVENTS } from '../players/events.ts';
import { Questions } from '../players/questions.ts';
import { withReplicaSet } from '../replica-set.ts';
import type { ServerProcess } from '../server-process.ts';
import { startTwo } from '../two-servers.ts';

type Fault = 'freeze' | 'kill';
const FAULTS: Readonly<Record<Context['length'], readonly Fault[]>> = { full: ['freeze', 'kill'], short: ['freeze'] };
const IN_FLIGHT = { full: 96, short: 16 } as const;
const BATCH_PAUSE_MS = { full: 0, short: 100 } as const;
const USERS = { full: 20_000, short: 4_000 } as const;
const STOCK = 30_000;
const LOAD_MS = { min: 100, spread: 400 } as const;
/** The load goes on so long after the first grant of the new owner, and after the old one is back. */
const AFTERWARDS_MS = { full: 700, short: 100 } as const;
/** A claim that hangs on a frozen server ends without an answer. */
const DEADLINE_MS = 3_000;
/** Without a grant: the lease has to run out first. In the suite other programs share the machine. */
const OUTAGE_MS_MAX = { full: 12_000, short: 30_000 } as const;
/** Claims through a client that was told only of the server that is not the owner. */
const FOLLOWERS = 10;
/** Of one round: those that are asked again, and of them those that are read in every way. */
const ASKED_AGAIN = { full: 30_000, short: 300 } as const;
const SAMPLE = { full: 200, short: 50 } as const;
const BATCHES_ASKED_AGAIN = 3;
const PATIENCE_MS = 30_000;
const PROBE_EVERY_MS = 50;

type Pair = { owner: ServerProcess; other: ServerProcess };
/** `both` knows both servers and finds the right one by itself. */
type Clients = Readonly<Record<'owner' | 'other' | 'both', Client>>;
type Round = { name: string; sale: string; from: number };

class OwnerCampaign {
  readonly #context: Context;
  readonly #history = new History();
  #probes = 0;

  constructor(context: Context) {
    this.#context = context;
  }

  async run(storeUri: string): Promise<void> {
    const { rounds, mode, length, findings } = this.#context;
    const settings = ['--projection-interval', '300ms'];
    const { servers } = await startTwo(this.#context, { name: 'owner', storeUri, settings, command: 'server' });
    await servers[0].with(async (client) => {
      for (const event of STANDING_EVENTS) await createEvent(client, this.#history, { ...event, mode });
    });
    let pair = await this.#pairOf(servers);
    for (let n = 1; n <= rounds; n++) {
      for (const fault of FAULTS[length]) pair = await this.#round(`${fault}${n}`, fault, pair);
    }
    const listed = await pair.other.with((client) => listClaims(client, [...this.#history.events.keys()]));
    findings.add('rounds', rounds * FAULTS[length].length);
    findings.add('claims stored', listed.length);
    for (const violation of violationsOf(this.#history, listed)) findings.violation(violation);
  }

  /** Who is the owner: the one that grants. */
  async #pairOf([one, two]: readonly [ServerProcess, ServerProcess]): Promise<Pair> {
    const endMs = performance.now() + PATIENCE_MS;
    while (performance.now() < endMs) {
      if ((await one.with((client) => this.#probe(client, 'never'))).code === 'GRANTED')
        return { owner: one, other: two };
      if ((await two.with((client) => this.#probe(client, 'never'))).code === 'GRANTED')
        return { owner: two, other: one };
      await delay(PROBE_EVERY_MS);
    }
    throw new Error('neither server writes the journal');
  }

  /** A claim of somebody new. */
  async #probe(client: Client, retry: 'auto' | 'never'): Promise<Heard> {
    const n = ++this.#probes;
    const ask = { eventKey: 'open', userId: `probe${n}`, requestId: `probe-${n}` };
    const sending = this.#history.sent(ask);
    const heard = heardOf(await client.claim({ ...ask, retry, deadlineMs: PATIENCE_MS }));
    this.#history.heard(sending, heard);
    return heard;
  }

  /** Resolves with the next round's pair. */
  async #round(name: string, fault: Fault, pair: Pair): Promise<Pair> {
    const { findings, length, mode } = this.#context;
    const round = { name, sale: `sale-${name}`, from: this.#history.sendings.length };
    const clients = await clientsOf(pair);
    await createEvent(clients.both, this.#history, { eventKey: round.sale, stock: STOCK, mode });
    await qualify(clients.both, { round: name, users: USERS[length] });
    const { batches, back, outageMs, ...load } = await this.#loadThrough(fault, round, { pair, clients });
    for (const client of Object.values(clients)) client.close();
    findings.expect(outageMs < OUTAGE_MS_MAX[length], `${name}: no grant for ${outageMs} ms`);
    const next = { owner: pair.other, other: back };
    const asked = await this.#audit(round, next, batches);
    findings.row({ round: name, ...load, 'outage ms': outageMs, 'asked again': asked });
    return next;
  }

  async #loadThrough(fault: Fault, { name, sale, from }: Round, { pair, clients }: { pair: Pair; clients: Clients }) {
    const { chance, length, processes } = this.#context;
    const history = this.#history;
    const eventKeys = ['open', 'daily', 'listed', sale];
    const questions = new Questions(chance, { round: name, eventKeys, users: USERS[length] });
    const options = {
      history,
      questions,
      deadlineMs: DEADLINE_MS,
      batchesInFlight: 1,
      batchPauseMs: BATCH_PAUSE_MS[length],
    };
    const lanes = IN_FLIGHT[length];
    const atOwner = new Crowd({ ...options, clients: [clients.owner], inFlight: lanes });
    const atOther = new Crowd({ ...options, clients: [clients.other], inFlight: lanes / 4 });
    const atBoth = new Crowd({ ...options, clients: [clients.both], inFlight: lanes / 4, retry: 'auto' });
    const crowds = [atOwner, atOther, atBoth];
    for (const crowd of crowds) crowd.start();
    await atOwner.heard((_, { code }) => code === 'GRANTED');
    await delay(LOAD_MS.min + chance.integer(LOAD_MS.spread));
    const unanswered = history.unanswered;
    const startedAtMs = performance.now();
    if (fault === 'kill') await pair.owner.kill();
    else pair.owner.freeze();
    await atOther.heard((_, { code }) => code === 'GRANTED');
    const outageMs = Math.round(performance.now() - startedAtMs);
    await delay(AFTERWARDS_MS[length]);
    if (fault === 'freeze') pair.owner.thaw();
    const back = fault === 'kill' ? await pair.owner.startAgain(processes) : pair.owner;
    if (fault === 'freeze') await atOwner.heard((_, { code }) => code === 'MOVED');
    await delay(AFTERWARDS_MS[length]);
    await Promise.all(crowds.map((crowd) => crowd.stop()));
    const lost = history.sendings.slice(from).filter(({ heard }) => heard?.code === 'OUTCOME_UNKNOWN').length;
    return { unanswered, lost, outageMs, back, batches: questions.batches };
  }

  /** With the pair as it is now. Only the owner knows of claims that are not in the store yet. */
  async #audit({ name, from }: Round, pair: Pair, batches: readonly BatchAsk[]): Promise<number> {
    const { chance, findings, length } = this.#context;
    const history = this.#history;
    const { owner, other, both } = await clientsOf(pair);
    const all = history.asksFrom(from);
    const asks =
      all.length <= ASKED_AGAIN[length] ? all : Array.from({ length: ASKED_AGAIN[length] }, () => chance.pick(all));
    const sample: Ask[] = Array.from({ length: SAMPLE[length] }, () => chance.pick(asks));
    const users = [...new Set(sample.map(({ userId }) => userId))];
    for (let n = 0; n < FOLLOWERS; n++) {
      const { code } = await this.#probe(other, 'auto');
      findings.expect(code === 'GRANTED', `${name}: through the server that is not the owner: ${code}`);
    }
    await lookUp(owner, history, asks);
    await listUsers(owner, history, users);
    await askAgain(both, history, asks);
    await askBatchesAgain(both, history, batches.slice(-BATCHES_ASKED_AGAIN));
    await projected([owner, other], findings);
    await lookUp(other, history, sample);
    await listUsers(other, history, users);
    await askAgain(both, history, sample);
    for (const client of [owner, other, both]) client.close();
    return asks.length;
  }
}

async function clientsOf({ owner, other }: Pair): Promise<Clients> {
  const { serviceId, key } = owner.service;
  const servers = [owner.address, other.address];
  const both = await connect({ servers, serviceId, serviceKey: key, connections: 2 });
  return { owner: await owner.connect({ connections: 2 }), other: await other.connect(), both };
}

export const owner: Campaign = {
  help: 'SIGSTOP and kill -9 of the server that writes the journal, while another takes over',
  rounds: { lmdb: 0, mongo: 5 },
  stores: ['mongo'],
  modes: ['journal'],
  run: (context) => withReplicaSet(1, (set) => new OwnerCampaign(context).run(set.freshUri())),
};

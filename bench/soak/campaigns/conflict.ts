/**
 * Claims that the journal has granted find another claim in their place when they come to the store: planted by hand, for
 * nothing that claimd does may lead to it. Each is found, reported with both claims, alerted on, and overwrites nothing.
 */
import { join } from 'node:path';
import type { Claim } from '../../../protocol/claim.ts';
import { heardOf } from '../audit/ask-again.ts';
import { projected } from '../audit/projection.ts';
import type { Campaign, Context } from '../campaign.ts';
import { type Database, type Kept, withDatabase } from '../database.ts';
import { withReplicaSet } from '../replica-set.ts';
import { ServerProcess } from '../server-process.ts';

const REWARDS = [{ kind: 'currency', id: 'gold', amount: 100 }];
const EVENTS = [{ eventKey: 'open' }, { eventKey: 'sale', stock: 100 }] as const;
/** So long that nothing is projected before the strangers are there; ending journal mode projects at once. */
const SETTINGS = ['--projection-interval', '1h'];
const USERS = 20;
/** Of each kind of stranger. */
const STRANGERS = 3;
const ALERT = 'a claim of the journal met another claim in the store';

/** A stranger has the claim key of a journaled claim, or its slot. */
type Planted = { journaled: Claim; stranger: Kept };

class ConflictCampaign {
  readonly #context: Context;
  readonly #server: ServerProcess;
  readonly #database: Database;

  constructor(context: Context, server: ServerProcess, database: Database) {
    this.#context = context;
    this.#server = server;
    this.#database = database;
  }

  async run(): Promise<void> {
    const { rounds } = this.#context;
    await this.#server.with(async (client) => {
      let planted = 0;
      for (let round = 1; round <= rounds; round++) {
        const strangers = [];
        for (const event of EVENTS) {
          const eventKey = `${event.eventKey}-${round}`;
          const made = await client.events.create({ ...event, eventKey, mode: 'journal', rewards: REWARDS });
          if (made.code !== 'OK') throw new Error(`event ${eventKey}: ${made.code}`);
          strangers.push(...(await this.#plant(await this.#grant(eventKey))));
        }
        await Promise.all(EVENTS.map(({ eventKey }) => client.events.setMode(`${eventKey}-${round}`, 'direct')));
        planted += strangers.length;
        await projected([client], this.#context.findings, { conflicts: planted });
        for (const each of strangers) await this.#judge(each);
        this.#context.findings.add('strangers planted', strangers.length);
      }
      await this.#judgeOthers();
    });
  }

  #grant(eventKey: string): Promise<Claim[]> {
    return this.#server.with(async (client) => {
      const claims = [];
      for (let n = 0; n < USERS; n++) {
        const { code, claim } = heardOf(
          await client.claim({ eventKey, userId: `u${n}`, requestId: `${eventKey}-${n}` }),
        );
        if (code !== 'GRANTED' || claim === null) throw new Error(`a claim of ${eventKey}: ${code}`);
        claims.push(claim);
      }
      return claims;
    });
  }

  async #plant(claims: readonly Claim[]): Promise<Planted[]> {
    const planted = claims
      .slice(0, STRANGERS)
      .map((journaled) => ({ journaled, stranger: strangerOf(journaled, journaled.userId) }));
    // The slot of an event with stock is unique as well.
    const withSlot = claims.slice(STRANGERS, 2 * STRANGERS).filter(({ slot }) => slot !== null);
    planted.push(
      ...withSlot.map((journaled) => ({ journaled, stranger: strangerOf(journaled, `x${journaled.userId}`) })),
    );
    await this.#database.collection('user_events').insertMany(planted.map(({ stranger }) => stranger));
    return planted;
  }

  async #judge({ journaled, stranger }: Planted): Promise<void> {
    const { findings } = this.#context;
    const { claimKey, requestId } = journaled;
    const kept = await this.#database.collection('user_events').findOne({ _id: stranger._id });
    findings.expect(JSON.stringify(kept) === JSON.stringify(stranger), `${stranger._id} was overwritten`);
    const record = await this.#database.collection('conflicts').findOne({ 'journaled._id': claimKey });
    const isBoth = record?.journaled.requestId === requestId && record?.stored.requestId === stranger.requestId;
    findings.expect(isBoth, `${claimKey}: recorded is ${JSON.stringify(record)}`);
    const lines = this.#server.log.split('\n').filter((line) => line.includes(ALERT) && line.includes(`"${claimKey}"`));
    const isTold = lines.some((line) => line.includes(`"${requestId}"`) && line.includes(`"${stranger.requestId}"`));
    findings.expect(isTold, `${claimKey}: the log does not tell of it`);
    findings.add('conflicts recorded', isBoth ? 1 : 0);
    findings.add('conflicts in the log', isTold ? 1 : 0);
  }

  /** Claims that nothing stands in the way of are there. */
  async #judgeOthers(): Promise<void> {
    const { findings, rounds } = this.#context;
    const stored = await this.#database.collection('user_events').countDocuments({ attempt: { $not: /^stranger/ } });
    const conflicts = findings.count('strangers planted');
    const expected = rounds * EVENTS.length * USERS - conflicts;
    findings.expect(stored === expected, `${stored} claims of the journal are stored instead of ${expected}`);
    findings.add('claims stored', stored);
  }
}

/** The same claim for somebody who asked in another way, or for another user who has its slot. */
function strangerOf({ eventKey, period, slot, rewards }: Claim, userId: string): Kept {
  return {
    _id: `${eventKey}/${period}/${userId}`,
    ...{ eventKey, period, userId },
    requestId: `stranger-${eventKey}-${userId}`,
    grantedAt: new Date(0),
    configVersion: 1,
    slot,
    rewards,
    delivery: { state: 'PENDING', attempts: 0, fulfilledAt: null },
    attempt: `stranger.0.${eventKey}.${userId}`,
  };
}

export const conflict: Campaign = {
  help: 'claims planted by hand where journaled ones belong: found, reported, never overwritten',
  rounds: { lmdb: 0, mongo: 3 },
  stores: ['mongo'],
  modes: ['journal'],
  run: (context) =>
    withReplicaSet(1, async (set) => {
      const storeUri = set.freshUri();
      const options = { data: join(context.folder, 'data'), storeUri, settings: SETTINGS };
      const server = await ServerProcess.start(context.processes, options);
      await withDatabase(storeUri, (database) => new ConflictCampaign(context, server, database).run());
      await server.stop();
    }),
};

/**
 * The connection is cut after the commit and before the reply, by a proxy that lets no byte of the reply through. The same
 * request id, asked again at once, by the client itself, through another server and after a restart, gets the claim.
 */
import { join } from 'node:path';
import { type Client, connect } from '../../../clients/index.ts';
import { type FaultProxy, openProxy } from '../../faults/proxy.ts';
import { targetOf } from '../../processes/claimd.ts';
import { heardOf, listClaims } from '../audit/ask-again.ts';
import { violationsOf } from '../audit/auditor.ts';
import { type Ask, type Heard, History } from '../audit/history.ts';
import { projected } from '../audit/projection.ts';
import { textOf } from '../audit/stored.ts';
import type { Campaign, Context } from '../campaign.ts';
import { createEvent } from '../players/events.ts';
import { withStore } from '../replica-set.ts';
import { ServerProcess } from '../server-process.ts';
import { startTwo } from '../two-servers.ts';

const STOCK = 1_000_000;
const EVENTS = [{ eventKey: 'open' }, { eventKey: 'sale', stock: STOCK }];

class LostReplyCampaign {
  readonly #context: Context;
  readonly #storeUri: string | undefined;
  readonly #history = new History();
  #asked = 0;

  constructor(context: Context, storeUri: string | undefined) {
    this.#context = context;
    this.#storeUri = storeUri;
  }

  async run(): Promise<void> {
    const { rounds, mode, findings, processes } = this.#context;
    const [first, other] = await this.#start();
    let server = first;
    await server.with(async (client) => {
      for (const event of EVENTS) await createEvent(client, this.#history, { ...event, mode });
    });
    for (let round = 0; round < rounds; round++) {
      const lost = await this.#loseReplies(server, other);
      await server.kill();
      server = await server.startAgain(processes);
      await server.with(async (client) => {
        for (const ask of lost) await this.#expectReplay('after a restart', client, ask);
      });
    }
    const listed = await server.with(async (client) => {
      await projected([client], findings);
      return listClaims(client, ['open', 'sale']);
    });
    for (const violation of violationsOf(this.#history, listed)) findings.violation(violation);
    findings.add('claims stored', listed.length);
    await server.stop();
  }

  /** One, and another where the store can have two. */
  async #start(): Promise<[ServerProcess, ServerProcess | null]> {
    const { processes, folder } = this.#context;
    const storeUri = this.#storeUri;
    if (storeUri === undefined) return [await ServerProcess.start(processes, { data: join(folder, 'data') }), null];
    const options = { name: 'lost', storeUri, command: 'server', order: 'inTurn' } as const;
    return (await startTwo(this.#context, options)).servers;
  }

  /** Resolves with everything whose first reply was lost. */
  async #loseReplies(server: ServerProcess, other: ServerProcess | null): Promise<Ask[]> {
    const proxy = await openProxy({ target: targetOf(server.address) });
    const direct = await server.connect();
    const elsewhere = (await other?.connect()) ?? null;
    try {
      const asks: Ask[] = [];
      for (const { eventKey } of EVENTS) {
        asks.push(await this.#askedAtOnce(eventKey, server, { proxy, direct }));
        asks.push(await this.#retriedByItself(eventKey, server, proxy));
        if (elsewhere === null) continue;
        const ask = await this.#lost(eventKey, server, proxy);
        await this.#expectReplay('through another server', elsewhere, ask);
        asks.push(ask);
      }
      return asks;
    } finally {
      direct.close();
      elsewhere?.close();
      await proxy.close();
    }
  }

  async #askedAtOnce(
    eventKey: string,
    server: ServerProcess,
    { proxy, direct }: { proxy: FaultProxy; direct: Client },
  ) {
    const ask = await this.#lost(eventKey, server, proxy);
    const stored = await direct.claims.byRequest(ask);
    this.#context.findings.expect(stored.code === 'OK', `${ask.requestId}: ${stored.code} before it is asked again`);
    const { claim } = await this.#expectReplay('at once', direct, ask);
    const isSame = stored.code === 'OK' && claim !== null && textOf(stored.claim) === textOf(claim);
    this.#context.findings.expect(isSame, `${ask.requestId}: the replay is not the original claim`);
    return ask;
  }

  /** The client is left to its own retries. */
  async #retriedByItself(eventKey: string, server: ServerProcess, proxy: FaultProxy): Promise<Ask> {
    const ask = this.#newAsk(eventKey);
    const client = await clientOf(server, proxy.address);
    const cut = proxy.cutAfter('toClient', { bytes: 0 });
    await this.#expectReplay("by the client's own retry", client, ask);
    await cut;
    client.close();
    return ask;
  }

  /** A request whose reply was cut off. */
  async #lost(eventKey: string, server: ServerProcess, proxy: FaultProxy): Promise<Ask> {
    const ask = this.#newAsk(eventKey);
    const client = await clientOf(server, proxy.address);
    const cut = proxy.cutAfter('toClient', { bytes: 0 });
    const heard = await this.#ask(client, ask, 'never');
    await cut;
    client.close();
    const { findings } = this.#context;
    findings.expect(heard.code === 'OUTCOME_UNKNOWN', `${ask.requestId}: ${heard.code} for a reply that was lost`);
    findings.add('replies lost');
    return ask;
  }

  async #expectReplay(way: string, client: Client, ask: Ask): Promise<Heard> {
    const heard = await this.#ask(client, ask, 'auto');
    const { findings } = this.#context;
    findings.expect(heard.code === 'REPLAYED', `${ask.requestId} asked again ${way}: ${heard.code}`);
    findings.add(`REPLAYED ${way}`, heard.code === 'REPLAYED' ? 1 : 0);
    return heard;
  }

  async #ask(client: Client, ask: Ask, retry: 'auto' | 'never'): Promise<Heard> {
    const sending = this.#history.sent(ask);
    const heard = heardOf(await client.claim({ ...ask, retry }));
    this.#history.heard(sending, heard);
    return heard;
  }

  #newAsk(eventKey: string): Ask {
    const n = ++this.#asked;
    return { eventKey, userId: `u${n}`, requestId: `lost-${n}` };
  }
}

function clientOf({ service: { serviceId, key } }: ServerProcess, servers: string): Promise<Client> {
  return connect({ servers, serviceId, serviceKey: key });
}

export const lostReply: Campaign = {
  help: 'the connection is cut after the commit and before the reply; the same request id is asked again',
  rounds: { lmdb: 10, mongo: 10 },
  stores: ['lmdb', 'mongo'],
  modes: ['direct', 'journal'],
  run: (context) => withStore(context, (storeUri) => new LostReplyCampaign(context, storeUri).run()),
};

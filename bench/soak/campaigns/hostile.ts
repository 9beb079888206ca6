/**
 * Everything that a peer may do wrong on both doors at once, beside clients that behave well. Nothing crashes, memory stays,
 * the others are served in time, and every connection ends with the reason that is pinned for it.
 */
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Client } from '../../../clients/index.ts';
import { LIMITS } from '../../../protocol/limits.ts';
import { accessTokenOf, signingKeyOf } from '../../credentials/access-token.ts';
import { credentialsOf } from '../../credentials/data-folder.ts';
import { gaugeOf } from '../../processes/gauges.ts';
import type { Campaign, Context } from '../campaign.ts';
import { answerTo } from '../hostile/ask-http.ts';
import { claimFrame, listFrame } from '../hostile/frames.ts';
import { httpAttacks } from '../hostile/http-attacks.ts';
import { RawPeer } from '../hostile/raw-peer.ts';
import { TCP_ATTACKS, type TcpAttack, type Tools } from '../hostile/tcp-attacks.ts';
import { Witness, type WitnessReport } from '../hostile/witness.ts';
import { ServerProcess } from '../server-process.ts';

const RSS_GROWTH_BYTES_MAX = 50 * 1_048_576;
/** In the suite other programs share the machine, and a hiccup of theirs is no finding. */
const LATENCY_MS_P99_MAX = { full: 100, short: 1_000 } as const;
const WARM_UP_LANES = 500;
const CLAIMS_PER_LIST = 100;
const WARM_UP_MS = { full: 3_000, short: 1_000 } as const;
/** The suite leaves out attacks that the server bears for longer. */
const TAKES_MS_MAX = { full: Number.POSITIVE_INFINITY, short: 0 } as const;
const SILENT_PEERS = { full: 500, short: 100 } as const;
const UNREADING_PEERS = { full: 4, short: 0 } as const;
/** Fast enough to fill every buffer on the way, slow enough to stay below the agreed number in flight. */
type Flood = { frameOf(number: number): Uint8Array; burst: number; everyMs: number };
const FLOOD: Readonly<Record<'claims' | 'lists', Flood>> = {
  claims: { frameOf: (number) => claimFrame(number), burst: 200, everyMs: 20 },
  lists: { frameOf: listFrame, burst: 5, everyMs: 50 },
};
/** A connection that is not ended in this time after its deadline will not be. */
const PATIENCE_MS = 8_000;

type Result = { door: string; attack: string; expected: string; got: string };

class HostileCampaign {
  readonly #context: Context;
  readonly #server: ServerProcess;
  readonly #results: Result[] = [];

  constructor(context: Context, server: ServerProcess) {
    this.#context = context;
    this.#server = server;
  }

  async run(): Promise<void> {
    const { findings, rounds, mode } = this.#context;
    const client = await this.#server.connect();
    await client.events.create({ eventKey: 'open', mode, rewards: [{ kind: 'currency', id: 'gold', amount: 1 }] });
    const witness = await Witness.start(this.#context.processes, this.#server);
    await this.#warmUp(client);
    await witness.count();
    for (let round = 0; round < rounds; round++) await this.#attack(client);
    client.close();
    this.#judge(await witness.end(), witness.rssBytesGrown);
    for (const { door, attack, expected, got } of this.#results) {
      findings.row({ door, attack, expected, got });
      findings.expect(got === expected, `${door}: ${attack}: ${got} instead of ${expected}`);
    }
  }

  #judge({ claims, latencyMsP99, latencyMsMax, codes }: WitnessReport, grownBytes: number): void {
    const { findings, length } = this.#context;
    findings.add('attacks', this.#results.length);
    findings.add('claims of others meanwhile', claims);
    findings.add("others' p99, ms", Math.round(latencyMsP99 * 10) / 10);
    findings.add("others' longest, ms", Math.round(latencyMsMax * 10) / 10);
    findings.add('memory grown, MiB', Math.round(grownBytes / 104_857.6) / 10);
    findings.expect(this.#server.isRunning, 'the server has ended');
    findings.expect(latencyMsP99 < LATENCY_MS_P99_MAX[length], `p99 of others was ${latencyMsP99.toFixed(0)} ms`);
    findings.expect(grownBytes < RSS_GROWTH_BYTES_MAX, `memory grew by ${grownBytes} bytes`);
    for (const [code, count] of Object.entries(codes)) {
      const isRight = code === 'GRANTED' || code === 'REPLAYED';
      findings.expect(isRight, `others were answered ${code} ${count} times`);
    }
  }

  /** A server in service has room for its work; what an attack adds to that is what counts. */
  async #warmUp(client: Client): Promise<void> {
    const endMs = performance.now() + WARM_UP_MS[this.#context.length];
    const lane = async (_: unknown, n: number) => {
      const ask = { eventKey: 'open', userId: `warm${n}`, requestId: `warm-${n}` };
      for (let asked = 0; performance.now() < endMs; asked++) {
        await client.claim(ask);
        if (asked % CLAIMS_PER_LIST === 0) await client.claims.list({ eventKey: 'open', limit: 200 });
      }
    };
    await Promise.all(Array.from({ length: WARM_UP_LANES }, lane));
  }

  async #attack(client: Client): Promise<void> {
    const { length } = this.#context;
    const tcp = TCP_ATTACKS.filter(({ takesMs }) => takesMs <= TAKES_MS_MAX[length]);
    const { signer } = await credentialsOf(join(this.#context.folder, 'data'));
    const token = accessTokenOf('hostile', signingKeyOf(signer));
    const http = httpAttacks(token, this.#context.chance).filter(({ takesMs = 0 }) => takesMs <= TAKES_MS_MAX[length]);
    await Promise.all([
      ...tcp.map((attack) => this.#attackTcp(attack)),
      ...http.map(async (attack) => {
        const got = await answerTo(attack, this.#server.http);
        this.#tell('http', attack.name, { expected: `${attack.status} ${attack.code}`, got });
      }),
      this.#silence(),
      this.#readNothing(client),
    ]);
  }

  #tell(door: string, attack: string, { expected, got }: { expected: string; got: string }): void {
    this.#results.push({ door, attack, expected, got });
  }

  async #attackTcp(attack: TcpAttack): Promise<void> {
    const { service, address } = this.#server;
    const { name, when, ends, expected, takesMs, act } = attack;
    const peer = when === 'ready' ? await RawPeer.ready(address, service) : await RawPeer.open(address);
    let isOver = false;
    const tools: Tools = { chance: this.#context.chance, service, isOver: () => isOver };
    const acting = act(peer, tools);
    const got = await within(takesMs + PATIENCE_MS, ends === 'closes' ? peer.reason() : peer.codeOf(2));
    isOver = true;
    await acting;
    peer.socket.destroy();
    this.#tell('tcp', name, { expected, got });
  }

  /** Many that say nothing at all: in the suite they only have to be borne. */
  async #silence(): Promise<void> {
    const { length } = this.#context;
    const peers = await Promise.all(
      Array.from({ length: SILENT_PEERS[length] }, () => RawPeer.open(this.#server.address)),
    );
    if (length === 'full') {
      const reasons = await within(
        LIMITS.handshakeMs + PATIENCE_MS,
        Promise.all(peers.map((peer) => peer.reason())).then((all) => [...new Set(all)].join(', ')),
      );
      this.#tell('tcp', `${peers.length} silent connections`, { expected: 'HANDSHAKE_TIMEOUT', got: reasons });
    }
    for (const peer of peers) peer.socket.destroy();
  }

  /** They cannot read why they are closed, so the server's own count says it. */
  async #readNothing(client: Client): Promise<void> {
    const count = UNREADING_PEERS[this.#context.length];
    if (count === 0) return;
    const closes = async () => (await gaugeOf(client, 'claimd_closes_total', { reason: 'SLOW_READER' })) ?? 0;
    const before = await closes();
    const floods = [FLOOD.claims, FLOOD.claims, FLOOD.claims, FLOOD.lists];
    const peers = await Promise.all(
      Array.from({ length: count }, (_, index) => this.#flood(floods[index % floods.length] as Flood)),
    );
    await within(
      60_000,
      Promise.all(peers.map((peer) => peer.closed)).then(() => 'closed'),
    );
    const counted = (await closes()) - before;
    const got = counted === count ? 'SLOW_READER' : `${counted} × SLOW_READER`;
    this.#tell('tcp', `${count} peers that read no reply`, { expected: 'SLOW_READER', got });
  }

  /** Asks on for as long as anybody takes it and reads nothing. */
  async #flood({ frameOf, burst, everyMs }: Flood): Promise<RawPeer> {
    const peer = await RawPeer.ready(this.#server.address, this.#server.service);
    peer.stopReading();
    let number = 0;
    const ask = () => {
      if (peer.socket.destroyed) return;
      const frames = Array.from({ length: burst }, () => frameOf(number++));
      peer.socket.write(Buffer.concat(frames), () => setTimeout(ask, everyMs));
    };
    ask();
    return peer;
  }
}

async function within(timeMs: number, work: Promise<string>): Promise<string> {
  const stop = new AbortController();
  const late = delay(timeMs, `nothing after ${timeMs} ms`, { signal: stop.signal }).catch(() => '');
  try {
    return await Promise.race([work.catch((error: Error) => error.message), late]);
  } finally {
    stop.abort();
  }
}

export const hostile: Campaign = {
  help: 'garbage, floods, drips and forgeries on both doors, beside clients that behave well',
  rounds: { lmdb: 1, mongo: 0 },
  stores: ['lmdb'],
  modes: ['direct', 'journal'],
  async run(context) {
    const data = join(context.folder, 'data');
    const server = await ServerProcess.start(context.processes, { data, command: 'start' });
    await new HostileCampaign(context, server).run();
    await server.stop();
  },
};

/**
 * A day of a million claims is archived, and the server or the command is killed in the middle, again and again, while others go on
 * claiming. What was granted is in the store until a sealed file vouches for it; in the end every claim is in the archive, once
 * and as it was granted, none is in the store, and nothing of that day is ever granted again.
 */
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Client } from '../../../clients/index.ts';
import { isSuccess } from '../../../protocol/reply.ts';
import type { Result } from '../../../protocol/results.ts';
import { type Child, script } from '../../processes/child.ts';
import { archiveFaults, sealedIn } from '../audit/archived.ts';
import { projected } from '../audit/projection.ts';
import type { Campaign, Context } from '../campaign.ts';
import { PastDay } from '../players/past-day.ts';
import { withStore } from '../replica-set.ts';
import { ServerProcess } from '../server-process.ts';

const USERS = { full: 1_000_000, short: 5_000 } as const;
/** After the share of the work that was drawn: progress is told once a second. */
const KILL_SPREAD_MS = { full: 1_000, short: 150 } as const;
const SAMPLE = 50;
const PROBE_MS = 5;

type Victim = 'server' | 'command' | 'by Ctrl-C';
type Printed = { removed: number; archived: { claims: number }[]; left: unknown[]; emptied: string[] };

class ArchiveCampaign {
  readonly #context: Context;
  readonly #storeUri: string | undefined;
  readonly #to: string;
  readonly #day: PastDay;
  #probes = 0;

  constructor(context: Context, storeUri: string | undefined) {
    this.#context = context;
    this.#storeUri = storeUri;
    this.#to = join(context.folder, 'archive');
    this.#day = new PastDay('past', USERS[context.length]);
  }

  async run(): Promise<void> {
    const { rounds, findings, processes, folder, mode } = this.#context;
    const data = join(folder, 'data');
    let server = await ServerProcess.start(processes, { data, storeUri: this.#storeUri });
    await server.with(async (client) => {
      await this.#day.fill(client, { mode });
      await client.events.create({ eventKey: 'live', mode });
      await projected([client], findings);
    });
    const quiet = await this.#probed(server, () => delay(2_000 / (this.#context.length === 'full' ? 1 : 10)));
    this.#row('before', quiet, {});
    for (let n = 1; n <= rounds; n++) server = await this.#round(n, server, data);
    await this.#finish(server, data);
    await server.stop();
  }

  async #round(n: number, server: ServerProcess, data: string): Promise<ServerProcess> {
    const { chance, processes, length } = this.#context;
    const victim = chance.pick<Victim>(['server', 'server', 'command', 'by Ctrl-C']);
    const share = chance.fraction();
    const command = await this.#command(server, data);
    const met = await this.#probed(server, async () => {
      await command.reached(share);
      await delay(chance.integer(KILL_SPREAD_MS[length]));
      if (victim === 'server') await server.kill();
      // Without its server it would wait for it, and this one comes back under another port.
      if (victim === 'by Ctrl-C') command.child.process.kill('SIGINT');
      else await command.child.kill();
      await command.over;
    });
    const { done, removed } = command;
    this.#row(`${n}: ${victim}`, met, { share: share.toFixed(2), done: done.toFixed(2), removed });
    const next = victim === 'server' ? await server.startAgain(processes) : server;
    await next.with((client) => this.#demandKept(client));
    return next;
  }

  async #finish(server: ServerProcess, data: string): Promise<void> {
    const { findings } = this.#context;
    const startedAt = performance.now();
    const command = await this.#command(server, data);
    const met = await this.#probed(server, () => command.over);
    const seconds = (performance.now() - startedAt) / 1_000;
    findings.expect(command.child.process.exitCode === 0, `the last archive ended with ${command.said()}`);
    const printed = JSON.parse(command.said()) as Printed;
    this.#row('to the end', met, { removed: printed.removed, seconds: seconds.toFixed(1) });
    findings.expect(printed.left.length === 0, 'a period was left');
    for (const fault of await archiveFaults(this.#to, this.#day)) findings.violation(fault);
    await server.with(async (client) => {
      const listed = await client.claims.list({ eventKey: this.#day.eventKey });
      findings.expect(listed.code === 'OK' && listed.items.length === 0, 'claims of the day are in the store');
      await this.#demandNothingGranted(client);
      findings.expect((await mismatches(client)) === 0, 'the store does not agree with itself');
      await this.#demandGuards(client);
    });
    findings.add('claims archived', this.#day.users);
  }

  /** The command itself, as an operator types it. */
  async #command(server: ServerProcess, data: string): Promise<Command> {
    const args = ['--before', new Date(Date.now() - 60_000).toISOString(), '--to', this.#to, '--data', data];
    const child = await this.#context.processes.start({
      name: 'claimd archive',
      ...script('server/bin/claimd.ts', 'archive', ...args, '--server', server.address),
      ready: /"progress":"archive"/,
      ends: 'by itself',
    });
    return new Command(child);
  }

  /** While nothing is sealed all of the day is in the store. */
  async #demandKept(client: Client): Promise<void> {
    const { chance, findings } = this.#context;
    if ((await sealedIn(this.#to)).length > 0) return;
    for (let i = 0; i < SAMPLE; i++) {
      const number = chance.integer(this.#day.users);
      const [userId, requestId] = [this.#day.userIdOf(number), this.#day.requestIdOf(number)];
      const found = await client.claims.byRequest({ userId, requestId });
      findings.expect(found.code === 'OK', `${userId}: nothing is sealed, and its claim is gone (${found.code})`);
    }
    findings.add('claims looked for before anything was sealed', SAMPLE);
  }

  async #demandNothingGranted(client: Client): Promise<void> {
    const { chance, findings } = this.#context;
    const { eventKey } = this.#day;
    // With its grace the day would be open again.
    await this.#day.setGrace(client, 30);
    for (let i = 0; i < SAMPLE; i++) {
      const number = chance.integer(this.#day.users);
      const asks = [
        { userId: this.#day.userIdOf(number), requestId: this.#day.requestIdOf(number) },
        { userId: `new${i}`, requestId: `new-${i}` },
      ];
      for (const ask of asks) {
        const { code } = await client.claim({ eventKey, ...ask });
        findings.expect(code === 'ENDED' || code === 'REPLAYED', `${ask.userId} was answered ${code} afterwards`);
      }
    }
  }

  async #demandGuards(client: Client): Promise<void> {
    const reply = await client.request('STORES', [null]);
    if (!isSuccess(reply)) throw new Error(`STORES: ${reply.code}`);
    const [stores] = reply.result as Result<'STORES'>;
    const missing = stores.flatMap(([, , collections]) => collections.filter(([, , , , guard]) => guard !== 'ok'));
    this.#context.findings.expect(missing.length === 0, `a guard is missing: ${missing.map(([name]) => name)}`);
  }

  /** The latencies of claims that are made one after the other while `during` is under way, in order. */
  async #probed(server: ServerProcess, during: () => Promise<void>): Promise<number[]> {
    const client = await server.connect();
    const latencies: number[] = [];
    let isOver = false;
    const probing = (async () => {
      while (!isOver) {
        const userId = `probe${++this.#probes}`;
        const startedAt = performance.now();
        const { code } = await client.claim({ eventKey: 'live', userId, retry: 'never' });
        if (code === 'GRANTED') latencies.push(performance.now() - startedAt);
        await delay(PROBE_MS);
      }
    })();
    await during().finally(() => {
      isOver = true;
    });
    client.close();
    await probing.catch(() => {});
    return latencies.sort((one, other) => one - other);
  }

  #row(round: string, latencies: readonly number[], cells: Record<string, string | number>): void {
    const at = (share: number) => (latencies[Math.floor(share * latencies.length)] ?? 0).toFixed(1);
    const columns = { share: '', done: '', removed: '', seconds: '', ...cells };
    this.#context.findings.row({ round, ...columns, claims: latencies.length, 'p50 ms': at(0.5), 'p99 ms': at(0.99) });
  }
}

/** A running `claimd archive`: how far it says it is, and what it prints. */
class Command {
  readonly child: Child;
  readonly over: Promise<void>;
  done = 0;
  removed = 0;
  #said = '';
  #rest = '';
  #reached: () => void = () => {};

  constructor(child: Child) {
    this.child = child;
    const { stdout, stderr } = child.process;
    stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.#said += text;
    });
    stderr?.setEncoding('utf8').on('data', (text: string) => this.#take(text));
    this.over = new Promise((resolve) => {
      child.process.once('close', () => resolve());
    });
  }

  said(): string {
    return this.#said;
  }

  /** Resolves when this share of the work is done, or the command is over. */
  async reached(share: number): Promise<void> {
    const reached = new Promise<void>((resolve) => {
      this.#reached = () => {
        if (this.done >= share) resolve();
      };
    });
    this.#reached();
    await Promise.race([reached, this.over]);
  }

  #take(text: string): void {
    const lines = (this.#rest + text).split('\n');
    this.#rest = lines.pop() ?? '';
    for (const line of lines.filter((each) => each.startsWith('{'))) {
      const { done, total, claims } = JSON.parse(line) as { done: number; total: number | null; claims: number };
      this.done = total === null ? 0 : done / total;
      this.removed = claims;
    }
    this.#reached();
  }
}

async function mismatches(client: Client): Promise<number> {
  let [count, asOf, cursor]: [number, number | null, string | null] = [0, null, null];
  do {
    const reply = await client.request('RECONCILE', [null, asOf, cursor]);
    if (!isSuccess(reply)) throw new Error(`RECONCILE: ${reply.code}`);
    const [next, at, , , found]: Result<'RECONCILE'> = reply.result as Result<'RECONCILE'>;
    [count, asOf, cursor] = [count + found.length, at, next];
  } while (cursor !== null);
  return count;
}

export const archive: Campaign = {
  help: 'kill -9 and Ctrl-C in the middle of an archive of a million claims, compared claim by claim',
  rounds: { lmdb: 10, mongo: 10 },
  stores: ['lmdb', 'mongo'],
  modes: ['journal', 'direct'],
  run: (context) => withStore(context, (storeUri) => new ArchiveCampaign(context, storeUri).run()),
};

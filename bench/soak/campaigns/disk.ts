/**
 * The embedded store on a disk that becomes full under load: first the claims cannot be written any more and the journal
 * goes on by itself, then the journal is full as well and every claim is BUSY. A kill and a start meanwhile lose nothing, and
 * when there is room again everything goes on by itself.
 */
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Client } from '../../../clients/index.ts';
import type { ErrorName } from '../../../protocol/errors.ts';
import { sumOf } from '../../processes/backlog.ts';
import { askAgain, listClaims, lookUp } from '../audit/ask-again.ts';
import { violationsOf } from '../audit/auditor.ts';
import { type Ask, type BatchAsk, type Heard, History } from '../audit/history.ts';
import { projected } from '../audit/projection.ts';
import type { Campaign, Context } from '../campaign.ts';
import { Crowd } from '../players/crowd.ts';
import { createEvent } from '../players/events.ts';
import { ServerProcess } from '../server-process.ts';
import { type SmallDisk, withSmallDisk } from '../tmpfs.ts';

/** One segment of the journal, the tables, and a few mebibytes until both are full. */
const SMALL_MEBIBYTES = { full: 74, short: 66 } as const;
const LARGE_MEBIBYTES = 1_024;
const EVENTS = [{ eventKey: 'open' }, { eventKey: 'sale', stock: 10_000_000 }] as const;
/** Long names, so that the disk is full sooner. */
const NAME_LENGTH = 120;
const BATCH_CLAIMS = 500;
const IN_FLIGHT = { full: { inFlight: 16, batchesInFlight: 4 }, short: { inFlight: 8, batchesInFlight: 0 } } as const;
/** Claims of which none is granted any more: then the journal is full. */
const BUSY_IN_A_ROW = 20_000;
const BACKLOG_MIN = 500;
const FILLED_MS_MAX = 180_000;
const LOOK_EVERY_MS = 50;
const GRANTS_AGAIN_MS_MAX = { full: 10_000, short: 20_000 } as const;
const SAMPLE = 1_000;
const EXPECTED: ReadonlySet<ErrorName> = new Set(['GRANTED', 'REPLAYED', 'ALREADY_CLAIMED', 'BUSY']);

/** Everybody claims once, in both ways. */
class Queue {
  #count = 0;

  next(): Ask {
    const n = this.#count++;
    return { eventKey: this.#eventKey(n), userId: nameOf('u', n), requestId: nameOf('r', n) };
  }

  nextBatch(): BatchAsk {
    const n = this.#count;
    this.#count += BATCH_CLAIMS;
    const userIds = Array.from({ length: BATCH_CLAIMS }, (_, i) => nameOf('u', n + i));
    return { eventKey: this.#eventKey(n), batchId: nameOf('b', n).slice(0, 100), userIds };
  }

  #eventKey(n: number): string {
    return EVENTS[n % EVENTS.length === 0 ? 0 : 1].eventKey;
  }
}

class DiskCampaign {
  readonly #context: Context;
  readonly #disk: SmallDisk;
  readonly #data: string;
  readonly #history = new History();
  readonly #queue = new Queue();
  readonly #codes = new Map<ErrorName, number>();
  #refusedInARow = 0;

  constructor(context: Context, disk: SmallDisk, data: string) {
    this.#context = context;
    this.#disk = disk;
    this.#data = data;
  }

  async run(): Promise<void> {
    const { findings, length, mode } = this.#context;
    let server = await this.#start();
    await server.with(async (client) => {
      for (const event of EVENTS) await createEvent(client, this.#history, { ...event, mode });
    });
    await this.#load(server, async (client) => {
      await this.#until('the claims cannot be written any more', async () => this.#isBehind(server, client));
      if (length === 'full') await this.#until('the journal is full', async () => this.#refusedInARow > BUSY_IN_A_ROW);
    });
    this.#row('full', server);
    if (length === 'full') server = await this.#startFull(server);
    const resizedAtMs = performance.now();
    await this.#disk.resize(LARGE_MEBIBYTES);
    await this.#load(server, async (_, crowd) => crowd.heard((_ask, { code }) => code === 'GRANTED'));
    const againMs = Math.round(performance.now() - resizedAtMs);
    findings.expect(againMs < GRANTS_AGAIN_MS_MAX[length], `grants again ${againMs} ms after there is room`);
    findings.add('ms until it grants again', againMs);
    await server.with((client) => this.#audit(client));
    for (const [code, count] of this.#codes) {
      findings.add(`answered ${code}`, count);
      findings.expect(EXPECTED.has(code), `${count} claims were answered ${code}`);
    }
    await server.stop();
  }

  #start(): Promise<ServerProcess> {
    const settings = ['--projection-interval', '100ms'];
    return ServerProcess.start(this.#context.processes, { data: this.#data, settings });
  }

  async #load(server: ServerProcess, meanwhile: (client: Client, crowd: Crowd) => Promise<void>): Promise<void> {
    const client = await server.connect({ connections: 2 });
    const crowd = new Crowd({
      ...{ clients: [client], history: this.#history, questions: this.#queue },
      ...IN_FLIGHT[this.#context.length],
      onHeard: (_, heard) => this.#heard(heard),
    });
    crowd.start();
    await meanwhile(client, crowd);
    await crowd.stop();
    client.close();
  }

  #heard({ code }: Heard): void {
    this.#codes.set(code, (this.#codes.get(code) ?? 0) + 1);
    this.#refusedInARow = code === 'GRANTED' ? 0 : this.#refusedInARow + 1;
  }

  /** Its log says that claims cannot be written, and many wait for it. */
  async #isBehind(server: ServerProcess, client: Client): Promise<boolean> {
    return (
      server.log.includes('projection failed') && (await sumOf([client], 'claimd_journal_backlog_claims')) > BACKLOG_MIN
    );
  }

  async #until(what: string, isTrue: () => Promise<boolean>): Promise<void> {
    const endMs = performance.now() + FILLED_MS_MAX;
    while (!(await isTrue())) {
      if (performance.now() > endMs) throw new Error(`it never came to this: ${what}`);
      await delay(LOOK_EVERY_MS);
    }
  }

  #row(when: string, server: ServerProcess): void {
    const { findings } = this.#context;
    const granted = this.#codes.get('GRANTED') ?? 0;
    findings.row({ when, granted, busy: this.#codes.get('BUSY') ?? 0 });
    findings.expect(server.isRunning, 'the server has ended');
  }

  /** kill -9 on the full disk: the next start either serves or says in one line why not. */
  async #startFull(server: ServerProcess): Promise<ServerProcess> {
    const { findings } = this.#context;
    await server.kill();
    const started = await this.#start().catch((error: Error) => error);
    if (started instanceof ServerProcess) {
      findings.add('started on the full disk');
      return started;
    }
    findings.add('refused to start on the full disk');
    const line = started.message.slice(started.message.indexOf('claimd: '));
    findings.expect(/^claimd: [^\n]+$/.test(line), `on the full disk the start said ${started.message}`);
    await this.#disk.resize(LARGE_MEBIBYTES);
    return this.#start();
  }

  async #audit(client: Client): Promise<void> {
    const { chance, findings } = this.#context;
    const history = this.#history;
    const asks = history.asksFrom(0);
    const sample = Array.from({ length: SAMPLE }, () => chance.pick(asks));
    await lookUp(client, history, sample);
    await askAgain(client, history, sample);
    await projected([client], findings);
    await lookUp(client, history, sample);
    await askAgain(client, history, sample);
    const listed = await listClaims(client, [...history.events.keys()]);
    findings.add('claims stored', listed.length);
    for (const violation of violationsOf(history, listed)) findings.violation(violation);
  }
}

function nameOf(kind: string, n: number): string {
  return `${kind}${n}`.padEnd(NAME_LENGTH, '.');
}

export const disk: Campaign = {
  help: 'the disk becomes full under load, and has room again (needs root and Linux)',
  rounds: { lmdb: 1, mongo: 0 },
  stores: ['lmdb'],
  modes: ['journal'],
  async run(context) {
    const data = join(context.folder, 'disk');
    const mebibytes = SMALL_MEBIBYTES[context.length];
    await withSmallDisk(data, mebibytes, (small) => new DiskCampaign(context, small, data).run());
  },
};

/**
 * A flood of logins: names that nobody has, passwords tried on a few accounts, and people who only want in. Hashing is the
 * dearest thing a server does; claims must not notice, memory must stay, and who cannot be served is told so at once.
 */
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Client, Mode } from '../../../clients/index.ts';
import type { Campaign, Context } from '../campaign.ts';
import { Witness, type WitnessReport } from '../hostile/witness.ts';
import { Answers } from '../people/answers.ts';
import { HttpDoor } from '../people/http-door.ts';
import { Pace } from '../people/pace.ts';
import { ServerProcess } from '../server-process.ts';

const PER_S = { full: 500, short: 200 } as const;
const FLOOD_MS = { full: 20_000, short: 1_200 } as const;
const WARM_UP_MS = { full: 3_000, short: 200 } as const;
/** Of claims beside the flood. In the suite other programs share the machine, and a hiccup of theirs is no finding. */
const CLAIM_MS_P99_MAX = { full: 50, short: 1_000 } as const;
/** How soon whoever is turned away must hear it. */
const REFUSAL_MS_MAX = { full: 100, short: 1_500 } as const;
const RSS_GROWTH_BYTES_MAX = 100 * 1_048_576;
const USERS = { full: 20, short: 4 } as const;
/** Whose passwords are tried. */
const ATTACKED = 3;
const REFUSALS: readonly string[] = ['503 BUSY', '429 RATE_LIMITED'];
const EXPECTED: readonly string[] = ['200', '401 BAD_CREDENTIALS', ...REFUSALS];

class LoginsCampaign {
  readonly #context: Context;
  readonly #server: ServerProcess;
  readonly #door: HttpDoor;

  constructor(context: Context, server: ServerProcess) {
    this.#context = context;
    this.#server = server;
    this.#door = new HttpDoor(server.http);
  }

  async run(): Promise<void> {
    const { rounds, length, mode, findings } = this.#context;
    await this.#server.with((client) => createOpen(client, mode));
    for (let n = 0; n < this.#users; n++) await this.#door.signUp(`user${n}`);
    const witness = await Witness.start(this.#context.processes, this.#server);
    await this.#flood(PER_S[length], WARM_UP_MS[length], new Answers());
    await witness.count();
    for (let round = 1; round <= rounds; round++) {
      const answers = new Answers();
      await this.#flood(PER_S[length], FLOOD_MS[length], answers);
      this.#judgeAnswers(round, answers);
      await this.#judgeAfterwards(round);
    }
    this.#judgeOthers(await witness.end(), witness.rssBytesGrown);
    findings.expect(this.#server.isRunning, 'the server has ended');
    this.#door.close();
  }

  async #flood(perS: number, lengthMs: number, answers: Answers): Promise<void> {
    const pace = new Pace({ perS, send: (n) => this.#login(n), said: (said) => answers.add(said) });
    pace.start();
    await delay(lengthMs);
    await pace.stop();
  }

  get #users(): number {
    return USERS[this.#context.length];
  }

  #login(n: number) {
    const kind = n % 10;
    if (kind < 6) return this.#door.login(`nobody${n}`, 'guess');
    if (kind < 8) return this.#door.login(`user${n % ATTACKED}`, 'guess');
    return this.#door.login(`user${ATTACKED + (n % (this.#users - ATTACKED))}`);
  }

  #judgeAnswers(round: number, answers: Answers): void {
    const { findings, length } = this.#context;
    for (const row of answers.rows()) {
      findings.row({ round, ...row });
      findings.expect(EXPECTED.includes(row.code), `${row.answers} logins were answered ${row.code}`);
      const isLate = REFUSALS.includes(row.code) && row.max >= REFUSAL_MS_MAX[length];
      findings.expect(!isLate, `${row.code} was answered after ${row.max} ms`);
    }
    findings.add('logins', answers.count);
  }

  /** When it is over people get in as before. */
  async #judgeAfterwards(round: number): Promise<void> {
    const { status, code, tookMs } = await this.#door.login(`user${this.#users - 1}`);
    this.#context.findings.expect(status === 200, `after round ${round} a login was answered ${status} ${code}`);
    this.#context.findings.add('login afterwards, ms', Math.round(tookMs));
  }

  #judgeOthers({ claims, latencyMsP99, latencyMsMax, codes }: WitnessReport, grownBytes: number): void {
    const { findings, length } = this.#context;
    findings.add('claims beside', claims);
    findings.add('their p99, ms', Math.round(latencyMsP99 * 10) / 10);
    findings.add('their longest, ms', Math.round(latencyMsMax * 10) / 10);
    findings.add('memory grown, MiB', Math.round(grownBytes / 104_857.6) / 10);
    const isServed = latencyMsP99 < CLAIM_MS_P99_MAX[length];
    findings.expect(isServed, `p99 of claims was ${latencyMsP99.toFixed(0)} ms`);
    findings.expect(grownBytes < RSS_GROWTH_BYTES_MAX, `memory grew by ${grownBytes} bytes`);
    for (const [code, count] of Object.entries(codes)) {
      const isRight = code === 'GRANTED' || code === 'REPLAYED';
      findings.expect(isRight, `claims were answered ${code} ${count} times`);
    }
  }
}

async function createOpen(client: Client, mode: Mode): Promise<void> {
  const answer = await client.events.create({
    eventKey: 'open',
    mode,
    rewards: [{ kind: 'currency', id: 'gold', amount: 1 }],
  });
  if (answer.code !== 'OK') throw new Error(`event: ${answer.code}`);
}

export const logins: Campaign = {
  help: 'a flood of logins, right and wrong: claims beside it, memory, and how soon who is turned away hears it',
  rounds: { lmdb: 1, mongo: 1 },
  stores: ['lmdb'],
  modes: ['direct', 'journal'],
  async run(context) {
    const data = join(context.folder, 'data');
    const server = await ServerProcess.start(context.processes, { data, command: 'start' });
    await new LoginsCampaign(context, server).run();
  },
};

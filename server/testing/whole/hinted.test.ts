/**
 * kill -9 while a hint is written or after, again and again, over hints that are whole, damaged, old or gone: what was
 * answered holds, nobody has a claim twice, and slots are without gaps.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { type ClaimReply, type ClaimView, type Client, connect } from '../../../clients/index.ts';
import { assert, suite } from '../../../protocol/testing/kit.ts';
import { launchOf } from '../../../protocol/testing/launch.ts';
import { type Chance, chanceOf } from '../../../protocol/testing/random.ts';
import { SERVICE_KEY } from '../servers.ts';

const test = suite('hints and kill -9');
const ROUNDS = 3;
const WORKERS = 24;
const EVENTS = ['open', 'scarce', 'plain'] as const;

type Process = { client: Client; said: string[]; heard(line: string): Promise<void>; kill(): Promise<void> };
type Request = { eventKey: string; userId: string; requestId: string };
type Granted = { request: Request; claim: ClaimView };

async function start(folder: string): Promise<Process> {
  const child = spawn(process.execPath, [...launchOf('./hinted-program.ts', import.meta.url), folder], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exit = once(child, 'exit');
  const said: string[] = [];
  let tell = () => {};
  createInterface({ input: child.stdout }).on('line', (line) => {
    said.push(line);
    tell();
  });
  async function heard(line: string): Promise<void> {
    while (!said.some((each) => each.startsWith(line))) {
      if (child.exitCode !== null) throw new Error(`the server ended: ${said.join(', ')}`);
      await Promise.race([
        exit,
        new Promise<void>((resolve) => {
          tell = resolve;
        }),
      ]);
    }
  }
  await heard('ready');
  const servers = said.at(-1)?.slice('ready '.length) ?? '';
  const client = await connect({ servers, serviceId: 'test', serviceKey: SERVICE_KEY });
  return {
    ...{ client, said, heard },
    async kill() {
      child.kill('SIGKILL');
      await exit;
      client.close();
    },
  };
}

class World {
  readonly granted: Granted[] = [];
  readonly #chance: Chance;
  #number = 0;

  constructor(chance: Chance) {
    this.#chance = chance;
  }

  /** Claims from many sides until the process is killed, which is `more` answers after it said `writing` once more. */
  async load(server: Process, more: number): Promise<void> {
    const count = () => server.said.filter((line) => line === 'writing').length;
    const before = count();
    let [left, isOver] = [more, false];
    const work = async () => {
      while (!isOver) {
        const request = this.#next();
        const reply = await server.client.claim(request).catch(() => null);
        if (reply === null) return;
        this.take(request, reply);
        if (count() > before && left-- === 0) {
          isOver = true;
          await server.kill();
        }
      }
    };
    await Promise.all(Array.from({ length: WORKERS }, work));
  }

  #next(): Request {
    const chance = this.#chance;
    const eventKey = chance.pick(EVENTS);
    // Some ids are of a batch's kind, and some are used again.
    const requestId = chance.pick([
      `r${this.#number++}`,
      `b${this.#number % 50}.${this.#number++}`,
      `again${chance.integer(3)}`,
    ]);
    return { eventKey, userId: `u${chance.integer(1_000 + this.#number)}`, requestId };
  }

  take(request: Request, reply: ClaimReply): void {
    if (reply.code === 'GRANTED') this.granted.push({ request, claim: reply.claim });
  }

  /** Of those that were granted; the answer is the claim, or tells of it. */
  async holds({ client }: Process, sample: readonly Granted[]): Promise<void> {
    await Promise.all(
      sample.map(async ({ request, claim }, i) => {
        const again = await client.claim(request);
        assert.is(again.code, 'REPLAYED', JSON.stringify([request, again]));
        assert.equal('claim' in again && again.claim, claim);
        const other = await client.claim({ ...request, requestId: `other-${i}` });
        assert.is(other.code, 'ALREADY_CLAIMED', JSON.stringify([request, other]));
        assert.equal('claim' in other && other.claim, claim);
      }),
    );
  }
}

/** Before a start. Returns what it was. */
function tamper(path: string, chance: Chance, kept: Buffer[]): 'whole' | 'damaged' | 'old' | 'gone' {
  // Killed while the first one after the last was written.
  if (!existsSync(path)) return 'gone';
  const bytes = readFileSync(path);
  kept.push(bytes);
  const how = chance.pick(['whole', 'whole', 'damaged', 'old', 'gone'] as const);
  if (how === 'damaged') {
    const at = chance.integer(bytes.length);
    const damaged = Buffer.from(bytes);
    damaged[at] = (damaged[at] as number) ^ 1;
    writeFileSync(path, damaged);
  } else if (how === 'old') writeFileSync(path, chance.pick(kept));
  else if (how === 'gone') rmSync(path);
  return how;
}

test(
  'what was answered holds, whatever became of the hint',
  async () => {
    const chance = chanceOf(20_261_123);
    const folder = mkdtempSync(join(tmpdir(), 'claimd-hinted-'));
    const hint = join(folder, 'journal', 'hint');
    const world = new World(chance);
    const kept: Buffer[] = [];
    let server = await start(folder);
    try {
      const rewards = [{ kind: 'currency', id: 'gold', amount: 1 }];
      await server.client.events.create({ eventKey: 'open', rewards });
      await server.client.events.create({ eventKey: 'scarce', rewards, stock: 100_000 });
      await server.client.events.create({ eventKey: 'plain', rewards, mode: 'direct' });
      for (let round = 0; round < ROUNDS; round++) {
        if (round === 0) await Promise.all([world.load(server, 3_000), server.heard('written')]);
        else await world.load(server, chance.integer(600));
        const how = tamper(hint, chance, kept);
        server = await start(folder);
        assert.is(server.said.includes('taken'), how === 'whole' || how === 'old', how);
        const sample = Array.from({ length: 150 }, () => chance.pick(world.granted));
        await world.holds(server, [...new Set(sample)]);
      }
      await world.holds(server, [...new Set(Array.from({ length: 500 }, () => chance.pick(world.granted)))]);
      await whole(server, world);
    } finally {
      await server.kill();
      rmSync(folder, { recursive: true, force: true });
    }
  },
  { deadlineMs: 120_000 },
);

/** Every claim of the store: once each, with slots one after the other, and all that were granted are among them. */
async function whole({ client }: Process, { granted }: World): Promise<void> {
  for (let isAll = false; !isAll; ) {
    const keys = new Set<string>();
    const slots: number[] = [];
    let cursor: string | undefined;
    do {
      const page = await client.claims.list({ limit: 100, ...(cursor === undefined ? {} : { cursor }) });
      if (page.code !== 'OK') throw new Error(page.code);
      for (const { eventKey, period, userId, slot } of page.items) {
        const key = `${eventKey}/${period}/${userId}`;
        assert.is.not(keys.has(key), true, key);
        keys.add(key);
        if (slot !== null) slots.push(slot);
      }
      cursor = page.nextCursor ?? undefined;
    } while (cursor !== undefined);
    // What is not projected yet is not in the list.
    isAll = granted.every(({ claim }) => keys.has(`${claim.eventKey}/${claim.period}/${claim.userId}`));
    if (isAll)
      assert.equal(
        slots.sort((a, b) => a - b),
        slots.map((_, i) => i + 1),
      );
  }
}

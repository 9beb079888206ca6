/**
 * Forced logout through two servers and two edges while others go on asking: refresh is over when the order is answered,
 * access on every door and every live socket within two seconds, and of the others nobody is refused anything.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { Client } from '../../../clients/index.ts';
import { accessTokenOf, type SigningKey, signingKeyOf } from '../../credentials/access-token.ts';
import { credentialsOf } from '../../credentials/data-folder.ts';
import type { Campaign, Context } from '../campaign.ts';
import { Answers } from '../people/answers.ts';
import { HttpDoor, type Person } from '../people/http-door.ts';
import { type Closed, LiveTab } from '../people/live-tab.ts';
import { Pace } from '../people/pace.ts';
import { withReplicaSet } from '../replica-set.ts';
import { startTwo } from '../two-servers.ts';

const PER_S = { full: 1_000, short: 150 } as const;
const PLAYERS = { full: 400, short: 60 } as const;
/** With a session of their own; the others have tokens of the command line. */
const SIGNED_UP = { full: 20, short: 2 } as const;
const WARM_UP_MS = { full: 2_000, short: 300 } as const;
const HOLDS_MS_MAX = 2_000;
const ASK_EVERY_MS = 10;
const PATIENCE_MS = 10_000;
/** For so long the doors are asked again after the first refusal: it must stay. */
const STAYS_MS = { full: 500, short: 150 } as const;
const ADMIN = { username: 'boss', password: 'correct horse' } as const;
const ENDED = 'SESSION_ENDED';

type Door = { name: string; codeFor: (person: Person) => Promise<string> };
type World = {
  edges: readonly HttpDoor[];
  doors: readonly Door[];
  /** Who orders the logouts. */
  adminToken: string;
  signingKey: SigningKey;
};

class LogoutCampaign {
  readonly #context: Context;
  readonly #world: World;

  constructor(context: Context, world: World) {
    this.#context = context;
    this.#world = world;
  }

  async run(): Promise<void> {
    const { rounds, length, findings } = this.#context;
    const answers = new Answers();
    const tokens = await this.#playersTokens();
    const { edges } = this.#world;
    const pace = new Pace({
      perS: PER_S[length],
      send: (n) => ask(edges[n % edges.length] as HttpDoor, tokens[n % tokens.length] as string, n),
      said: (said) => answers.add(said),
    });
    const startedAtMs = performance.now();
    pace.start();
    await delay(WARM_UP_MS[length]);
    for (let round = 1; round <= rounds; round++) await this.#round(round);
    await pace.stop();
    const seconds = (performance.now() - startedAtMs) / 1_000;
    findings.add('requests of others', answers.count);
    findings.add('requests of others a second', Math.round(answers.count / seconds));
    for (const { code, answers: count, p99, max } of answers.rows()) {
      findings.add(`  answered ${code}`, count);
      findings.add(`  ${code}, p99 ms`, Math.round(p99));
      findings.add(`  ${code}, longest ms`, Math.round(max));
      findings.expect(code === '200' || code === '201', `${count} requests of others were answered ${code}`);
    }
  }

  async #playersTokens(): Promise<string[]> {
    const { length } = this.#context;
    const { edges, signingKey } = this.#world;
    const tokens = Array.from({ length: PLAYERS[length] }, (_, n) => accessTokenOf(`player${n}`, signingKey));
    for (let n = 0; n < SIGNED_UP[length]; n++) {
      const { signedIn } = await (edges[n % edges.length] as HttpDoor).signUp(`player${n}`);
      tokens.push(signedIn.accessToken);
    }
    return tokens;
  }

  async #round(round: number): Promise<void> {
    const { findings } = this.#context;
    const { edges, doors, adminToken } = this.#world;
    const [first] = edges as [HttpDoor];
    const victim = await first.signUp(`victim${round}`);
    const tabs = await Promise.all(edges.map(({ address }) => LiveTab.open(address, victim.signedIn.accessToken)));
    for (const { name, codeFor } of doors) {
      const code = await codeFor(victim);
      findings.expect(code === '', `round ${round}: ${name} said ${code} before the logout`);
    }
    const sentAtMs = performance.now();
    const { code } = await first.ask(`POST /v1/users/${victim.id}/logout`, { token: adminToken });
    findings.expect(code === '', `round ${round}: the logout was answered ${code}`);
    const [refreshes, heldMs, closes] = await Promise.all([
      Promise.all(edges.map((edge) => refreshCode(edge, victim))),
      Promise.all(doors.map((door) => this.#msUntilEnded(door, { victim, sentAtMs }))),
      Promise.all(tabs.map((tab) => closeOf(tab))),
    ]);
    for (const said of refreshes) findings.expect(said === ENDED, `round ${round}: a refresh was answered ${said}`);
    for (const [i, ms] of heldMs.entries()) {
      findings.expect(ms <= HOLDS_MS_MAX, `round ${round}: ${doors[i]?.name} took ${ms} ms`);
    }
    for (const { code: closeCode, atMs } of closes) {
      const isRight = closeCode === 4403 && atMs - sentAtMs <= HOLDS_MS_MAX;
      findings.expect(
        isRight,
        `round ${round}: a live socket was closed with ${closeCode} after ${atMs - sentAtMs} ms`,
      );
    }
    const cells = doors.map(({ name }, i) => [`${name} ms`, heldMs[i] ?? 0]);
    const liveMs = Math.max(...closes.map(({ atMs }) => atMs - sentAtMs));
    findings.row({ round, ...Object.fromEntries(cells), 'live ms': Math.round(liveMs) });
  }

  /** Since the order was sent; the refusal must stay once it is there. */
  async #msUntilEnded(door: Door, { victim, sentAtMs }: { victim: Person; sentAtMs: number }): Promise<number> {
    let code = '';
    while (code !== ENDED && performance.now() - sentAtMs < PATIENCE_MS) {
      code = await door.codeFor(victim);
      if (code !== ENDED) await delay(ASK_EVERY_MS);
    }
    const tookMs = Math.round(performance.now() - sentAtMs);
    const staysUntilMs = performance.now() + STAYS_MS[this.#context.length];
    while (performance.now() < staysUntilMs) {
      const later = await door.codeFor(victim);
      this.#context.findings.expect(later === ENDED, `${door.name} said ${later || 'yes'} after ${code}`);
      await delay(ASK_EVERY_MS);
    }
    return tookMs;
  }
}

/** What players do all day: claim again and again, look at the event, look at their claims. */
function ask(edge: HttpDoor, token: string, n: number) {
  if (n % 10 === 0) return edge.ask('GET /v1/me/claims', { token });
  if (n % 5 === 0) return edge.ask('GET /v1/events/open', { token });
  return edge.ask('POST /v1/events/open/claims', { token, headers: { 'idempotency-key': 'mine' } });
}

async function refreshCode(edge: HttpDoor, { signedIn: { refreshToken } }: Person): Promise<string> {
  return (await edge.ask('POST /v1/auth/refresh', { body: { refreshToken, deviceId: 'phone' } })).code;
}

async function closeOf(tab: LiveTab): Promise<Closed> {
  const late = delay(PATIENCE_MS, null, { ref: false }).then(() => ({ code: 0, atMs: performance.now() }));
  const closed = await Promise.race([tab.closed, late]);
  tab.cut();
  return closed;
}

function edgeDoor(name: string, edge: HttpDoor): Door {
  return {
    name,
    codeFor: async ({ signedIn }) => (await edge.ask('GET /v1/me', { token: signedIn.accessToken })).code,
  };
}

/** The server itself, asked as its edge would ask it. */
function serverDoor(name: string, client: Client): Door {
  return {
    name,
    async codeFor({ id, signedIn }) {
      const { code } = await client.request('ME', [[id, signedIn.session.id, ['USER'], null, null]], {
        retry: 'never',
      });
      return code === 'OK' ? '' : code;
    },
  };
}

async function run(context: Context, storeUri: string): Promise<void> {
  const settings = ['--admin', `${ADMIN.username}:${ADMIN.password}`];
  const { servers, data } = await startTwo(context, { name: 'logout', storeUri, settings });
  const { signer } = await credentialsOf(data);
  const clients = [await servers[0].connect(), await servers[1].connect()] as const;
  const edges = servers.map(({ http }) => new HttpDoor(http));
  try {
    const event = await clients[0].events.create({
      eventKey: 'open',
      rewards: [{ kind: 'currency', id: 'gold', amount: 1 }],
    });
    if (event.code !== 'OK') throw new Error(`event: ${event.code}`);
    const { accessToken } = await (edges[0] as HttpDoor).signIn(ADMIN.username, ADMIN.password);
    const doors = [
      ...edges.map((edge, i) => edgeDoor(`edge ${i + 1}`, edge)),
      ...clients.map((client, i) => serverDoor(`server ${i + 1}`, client)),
    ];
    const world = { edges, doors, adminToken: accessToken, signingKey: signingKeyOf(signer) };
    await new LogoutCampaign(context, world).run();
  } finally {
    for (const client of clients) client.close();
    for (const edge of edges) edge.close();
  }
}

export const logout: Campaign = {
  help: 'forced logout through two servers and two edges under load: everywhere within 2 s, and nobody else is refused',
  rounds: { lmdb: 0, mongo: 10 },
  stores: ['mongo'],
  modes: ['direct'],
  run: (context) => withReplicaSet(1, (set) => run(context, set.freshUri())),
};

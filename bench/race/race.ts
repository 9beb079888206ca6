/**
 * The race: every player claims the same event many times at once, each time under a request id of its own, through every
 * door in turn. Ends with a verdict over all answers and a look at what the store lists afterwards.
 */
import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { EventInput } from '../../protocol/event.ts';
import type { Mode } from '../../protocol/mode.ts';
import type { ServiceCredential, TokenSigner } from '../credentials/data-folder.ts';
import type { Attempt } from './attempt.ts';
import { faultsOfStore } from './audit.ts';
import { type Door, openHttpDoor, openTcpDoor, type TcpDoor } from './door.ts';
import { type Rules, type Verdict, verdictOf } from './verdict.ts';

export type RaceOptions = Partial<Rules> & {
  /** `host:port` of each server, at least one. */
  servers: readonly string[];
  /** URL of each edge; may be empty. */
  edges: readonly string[];
  /** A service with the roles game and admin. */
  service: ServiceCredential;
  /** Needed for edges. */
  signer: TokenSigner | null;
  players: number;
  /** Requests of each player at once. */
  duplicates: number;
  /** An event that is there; a new one is made when absent. With stock it must be the event's own. */
  eventKey?: string;
  /** Of the event that is made; the server's default when absent. */
  mode?: Mode;
  /** How long one request id is asked again, in milliseconds; default 60,000. */
  patienceMs?: number;
};

export type RaceReport = Verdict & {
  eventKey: string;
  players: number;
  requests: number;
  doors: string[];
  elapsedMs: number;
  /** Claims of the event that the store lists afterwards. */
  stored: number;
};

/** Requests in flight: all duplicates of one player are, and as many players as fit. */
const IN_FLIGHT = 2_000;
const EVENT_SEEN_MS_MAX = 5_000;
const RETRY_JITTER_MS = 100;

/** Rejects when a door cannot be opened or the event not be made; everything after that is in the report. */
export async function race(options: RaceOptions): Promise<RaceReport> {
  const { servers, edges, service, signer, players, duplicates, stock = null, tolerate = 'nothing' } = options;
  if (edges.length > 0 && signer === null) throw new Error('players cannot sign in at an edge without the token key');
  const tcpDoors = await Promise.all(servers.map((server) => openTcpDoor(server, service)));
  const doors: Door[] = [...tcpDoors, ...edges.flatMap((url) => (signer === null ? [] : [openHttpDoor(url, signer)]))];
  try {
    const eventKey =
      options.eventKey ??
      (await newEvent(tcpDoors, { stock, ...(options.mode === undefined ? {} : { mode: options.mode }) }));
    const attempts = attemptsOf(players, duplicates);
    const startedMs = performance.now();
    await runAll(attempts, { doors, eventKey, duplicates, patienceMs: options.patienceMs ?? 60_000 });
    const elapsedMs = performance.now() - startedMs;
    const verdict = verdictOf(attempts, { stock, tolerate });
    const { stored, faults } = await faultsOfStore(
      tcpDoors.map(({ client }) => client),
      eventKey,
      attempts,
    );
    const counts = { players, requests: attempts.length, doors: doors.map(({ name }) => name), elapsedMs, stored };
    return { ...verdict, ...counts, eventKey, faults: [...verdict.faults, ...faults] };
  } finally {
    for (const door of doors) door.close();
  }
}

/** Players in a row, each with all their attempts, so that those of one player meet. */
function attemptsOf(players: number, duplicates: number): Attempt[] {
  const tag = randomUUID().slice(0, 8);
  return Array.from({ length: players * duplicates }, (_, index) => ({
    userId: `player-${tag}-${Math.floor(index / duplicates)}`,
    requestId: randomUUID(),
    said: [],
  }));
}

type Running = { doors: readonly Door[]; eventKey: string; duplicates: number; patienceMs: number };

async function runAll(attempts: readonly Attempt[], running: Running): Promise<void> {
  const { duplicates } = running;
  let next = 0;
  const play = async () => {
    for (let from = next; from < attempts.length; from = next) {
      next += duplicates;
      const mine = attempts.slice(from, from + duplicates);
      await Promise.all(mine.map((attempt, at) => settle(attempt, from / duplicates + at, running)));
    }
  };
  await Promise.all(Array.from({ length: Math.max(1, Math.floor(IN_FLIGHT / duplicates)) }, play));
}

/** Asks until the answer is one, always with the same id, each time at the next door. */
async function settle(attempt: Attempt, turn: number, { doors, eventKey, patienceMs }: Running): Promise<void> {
  const { userId, requestId, said } = attempt;
  const endMs = performance.now() + patienceMs;
  for (;;) {
    const door = doors[(turn + said.length) % doors.length] as Door;
    const answer = await door.ask({ eventKey, userId, requestId });
    said.push(answer);
    if (answer.retryAfterMs === null || performance.now() > endMs) return;
    await delay(answer.retryAfterMs + Math.random() * RETRY_JITTER_MS);
  }
}

/** Resolves when every server knows it. */
async function newEvent(doors: readonly TcpDoor[], fields: Pick<EventInput, 'stock' | 'mode'>): Promise<string> {
  const eventKey = `race-${randomUUID().slice(0, 8)}`;
  const event: EventInput = { eventKey, ...fields, rewards: [{ kind: 'currency', id: 'gold', amount: 100 }] };
  const [first] = doors as [TcpDoor];
  const made = await first.client.events.create(event);
  if (made.code !== 'OK') throw new Error(`the event of the race could not be made: ${made.code}`);
  const endMs = performance.now() + EVENT_SEEN_MS_MAX;
  for (const { client, name } of doors) {
    for (let seen = await client.events.get(eventKey); seen.code !== 'OK'; seen = await client.events.get(eventKey)) {
      if (performance.now() > endMs) throw new Error(`${name} does not know the event: ${seen.code}`);
      await delay(RETRY_JITTER_MS);
    }
  }
  return eventKey;
}

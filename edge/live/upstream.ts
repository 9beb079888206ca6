/**
 * One connected server, and which events and users it has been asked to tell of. What is wanted may change at any moment;
 * this keeps asking, one request at a time, until the server has been told all of it. It ends with its connection.
 */
import { isSuccess, type Reply } from '../../protocol/reply.ts';
import type { Result } from '../../protocol/results.ts';
import { type Context, patienceMs } from '../context.ts';

const KINDS = ['events', 'users'] as const;
export type Kind = (typeof KINDS)[number];
export type Standing = Result<'SUBSCRIBE'>[0][number];

type Options = {
  context: Pick<Context, 'client' | 'limits' | 'runtime' | 'log'>;
  /** Its address. */
  server: string;
  isWanted(kind: Kind, key: string): boolean;
  onStandings(standings: readonly Standing[]): void;
};
type Change = 'SUBSCRIBE' | 'UNSUBSCRIBE';

export class Upstream {
  readonly #options: Options;
  readonly #told = { events: new Set<string>(), users: new Set<string>() };
  /** Keys that may have become wanted or unwanted since the server was told. */
  readonly #touched = { events: new Set<string>(), users: new Set<string>() };
  /** Events that the server told of while it was being asked how they stand: its notice is the later word. */
  readonly #noticed = new Set<string>();
  #hasSubscribed = false;
  #isAsking = false;
  #isOver = false;

  constructor(options: Options) {
    this.#options = options;
  }

  /** With nothing wanted it still subscribes: revocations come to everybody who does. */
  start(wanted: Readonly<Record<Kind, Iterable<string>>>): void {
    for (const kind of KINDS) for (const key of wanted[kind]) this.#touched[kind].add(key);
    this.#askSoon();
  }

  touch(kind: Kind, keys: readonly string[]): void {
    for (const key of keys) this.#touched[kind].add(key);
    this.#askSoon();
  }

  noticed(eventKey: string): void {
    if (this.#isAsking) this.#noticed.add(eventKey);
  }

  end(): void {
    this.#isOver = true;
  }

  /** Later in this turn, so that a thousand users who come at once are one request. */
  #askSoon(): void {
    if (this.#isAsking || this.#isOver) return;
    this.#isAsking = true;
    this.#options.context.runtime.soon(() => void this.#ask());
  }

  async #ask(): Promise<void> {
    const { context } = this.#options;
    const isDone = (await this.#change('SUBSCRIBE')) && (await this.#change('UNSUBSCRIBE'));
    this.#isAsking = false;
    if (this.#isOver) return;
    if (!isDone) context.runtime.after(context.limits.liveRetryMs, () => this.#askSoon());
    else if (KINDS.some((kind) => this.#touched[kind].size > 0)) this.#askSoon();
  }

  /** One request with as many keys as it may name; true unless it failed. */
  async #change(op: Change): Promise<boolean> {
    const isAdding = op === 'SUBSCRIBE';
    const keys = { events: this.#taken('events', isAdding), users: this.#taken('users', isAdding) };
    const isNeeded = keys.events.length + keys.users.length > 0 || (isAdding && !this.#hasSubscribed);
    if (!isNeeded) return true;
    const { context, server, onStandings } = this.#options;
    const options = { deadlineMs: patienceMs(context), server };
    this.#noticed.clear();
    const reply: Reply = await context.client.request(op, [null, keys.events, keys.users], options);
    if (!isSuccess(reply)) {
      for (const kind of KINDS) for (const key of keys[kind]) this.#touched[kind].add(key);
      if (!this.#isOver) context.log.warn({ server, op, code: reply.code }, 'not subscribed');
      return false;
    }
    for (const kind of KINDS) {
      for (const key of keys[kind]) isAdding ? this.#told[kind].add(key) : this.#told[kind].delete(key);
    }
    if (isAdding) {
      this.#hasSubscribed = true;
      const [standings] = reply.result as Result<'SUBSCRIBE'>;
      onStandings(standings.filter(([eventKey]) => !this.#noticed.has(eventKey)));
    }
    return true;
  }

  /** Takes the touched keys that are to be added, or removed, out of their set; those that need nothing go too. */
  #taken(kind: Kind, isAdding: boolean): string[] {
    const { context, isWanted } = this.#options;
    const taken: string[] = [];
    for (const key of this.#touched[kind]) {
      if (taken.length === context.limits.subscribedMax) break;
      const wanted = isWanted(kind, key);
      const isTold = this.#told[kind].has(key);
      if (wanted !== isTold && wanted !== isAdding) continue;
      this.#touched[kind].delete(key);
      if (wanted !== isTold) taken.push(key);
    }
    return taken;
  }
}

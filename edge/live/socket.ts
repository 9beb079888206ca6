/**
 * One live socket from its upgrade to its end. It knows its user from the first message and nothing from its address.
 * What it is moves only as the table allows:
 *
 *     silent → greeting → ready → closing      (and each of them → closing)
 *
 * Invariants: every claim that was heard gets its outcome before the socket is drained; what waits to be read by a slow
 * peer is bounded, and so is what it may ask at once.
 */
import type { RawData, WebSocket } from 'ws';
import type { Problem, Reply } from '../../protocol/reply.ts';
import { claimOutcome, claimReply } from '../claim-outcome.ts';
import { ask, type Context } from '../context.ts';
import { problemOf } from '../refusal.ts';
import { actorFrom, type Identity } from '../tokens.ts';
import { CLOSES, type CloseName } from './closes.ts';
import type { Feed, Watcher } from './feed.ts';
import { type Heard, type Hello, heardOf, type Told } from './messages.ts';

const NEXT = {
  silent: ['greeting', 'closing'],
  greeting: ['ready', 'closing'],
  ready: ['closing'],
  closing: [],
} as const satisfies Record<string, readonly string[]>;
type State = keyof typeof NEXT;
type Claimed = Extract<Heard, { type: 'claim' }>;

export type SocketNeeds = {
  context: Context;
  feed: Feed;
  /** The address it came from. */
  from: string | null;
  /** Told once, when nothing is left of it. */
  onGone(socket: LiveSocket): void;
};

export class LiveSocket implements Watcher {
  readonly #ws: WebSocket;
  readonly #needs: SocketNeeds;
  readonly #openedAtMs: number;
  #state: State = 'silent';
  #identity: Identity | null = null;
  #eventKeys: readonly string[] = [];
  /** Read, but not heard yet. */
  readonly #waiting: string[] = [];
  /** Greetings and claims that are under way. */
  #inFlight = 0;
  #isDraining = false;
  #heardAtMs: number;
  #pingedAtMs: number;
  /** When the access token ends, by the monotonic clock: a wall clock that jumps closes nobody. */
  #endsAtMs = Number.POSITIVE_INFINITY;
  #closedAtMs = 0;

  constructor(ws: WebSocket, needs: SocketNeeds) {
    this.#ws = ws;
    this.#needs = needs;
    this.#openedAtMs = this.#nowMs();
    this.#heardAtMs = this.#openedAtMs;
    this.#pingedAtMs = this.#openedAtMs;
    ws.on('message', (data, isBinary) => this.#received(data, isBinary));
    ws.on('pong', () => {
      this.#heardAtMs = this.#nowMs();
    });
    ws.on('error', (error) => this.#broken(error));
    ws.on('close', () => this.#gone());
  }

  get identity(): Identity {
    if (this.#identity === null) throw new Error('a socket without a user');
    return this.#identity;
  }

  get eventKeys(): readonly string[] {
    return this.#eventKeys;
  }

  tell(message: Told, encoded: string | Buffer = JSON.stringify(message)): void {
    if (this.#state !== 'ready') return;
    this.#ws.send(encoded, { binary: false });
    if (this.#isSlow) this.close('TOO_SLOW');
  }

  /** The close frame stands behind what was told before; a peer that does not answer it is cut a little later. */
  close(name: CloseName): void {
    if (this.#state === 'closing') return;
    this.#closing(name);
    const { code, reason } = CLOSES[name];
    this.#ws.resume();
    this.#ws.close(code, reason);
  }

  /** Hears nothing more, answers what it has heard, then closes. */
  drain(): void {
    this.#isDraining = true;
    if (this.#inFlight === 0) this.close('DRAINING');
  }

  cut(): void {
    this.#ws.terminate();
  }

  /** Whatever is due by now; called every half second or so. */
  tick(nowMs: number): void {
    const { limits } = this.#needs.context;
    if (this.#state === 'closing') {
      if (nowMs >= this.#closedAtMs + limits.liveLingerMs) this.cut();
      return;
    }
    if (this.#state === 'silent' && nowMs >= this.#openedAtMs + limits.liveHelloMs) return this.close('NO_HELLO');
    if (nowMs >= this.#endsAtMs) return this.close('EXPIRED');
    if (this.#isSlow) return this.close('TOO_SLOW');
    if (nowMs >= this.#heardAtMs + limits.liveDeadMs) return this.cut();
    if (nowMs < this.#pingedAtMs + limits.livePingMs) return;
    this.#pingedAtMs = nowMs;
    this.#ws.ping();
  }

  #nowMs(): number {
    return this.#needs.context.runtime.monotonicMs();
  }

  get #isSlow(): boolean {
    return this.#ws.bufferedAmount > this.#needs.context.limits.liveBufferedBytesMax;
  }

  #become(state: State): void {
    const allowed: readonly State[] = NEXT[this.#state];
    if (allowed.includes(state)) this.#state = state;
    else throw new Error(`a socket that is ${this.#state} cannot become ${state}`);
  }

  /** ws closes by itself what breaks its rules, with the code of that rule. */
  #broken({ code }: Error & { code?: unknown }): void {
    if (this.#state !== 'closing') this.#closing(code === 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH' ? 'TOO_LARGE' : 'POLICY');
  }

  #closing(name: CloseName | 'PEER'): void {
    this.#become('closing');
    this.#closedAtMs = this.#nowMs();
    this.#needs.context.metrics.liveClosed(name);
  }

  #gone(): void {
    if (this.#state !== 'closing') this.#closing('PEER');
    if (this.#identity !== null) this.#needs.feed.leave(this);
    this.#needs.onGone(this);
  }

  #received(data: RawData, isBinary: boolean): void {
    this.#heardAtMs = this.#nowMs();
    if (this.#state === 'closing' || this.#isDraining) return;
    if (isBinary) return this.close(this.#state === 'silent' ? 'UNAUTHENTICATED' : 'BINARY');
    this.#waiting.push(data.toString());
    this.#hearWaiting();
  }

  /** What cannot be heard yet stays with the peer, but for what has been read already. */
  #hearWaiting(): void {
    while (this.#isHearing) {
      const message = this.#waiting.shift();
      if (message === undefined) return this.#ws.resume();
      this.#hear(heardOf(message));
    }
    if (this.#state !== 'closing') this.#ws.pause();
  }

  get #isHearing(): boolean {
    if (this.#isDraining || this.#inFlight >= this.#needs.context.limits.liveInFlightMax) return false;
    return this.#state === 'silent' || this.#state === 'ready';
  }

  #hear(heard: Heard): void {
    if (heard.type === 'claim' && this.#state === 'ready') void this.#during(this.#claim(heard));
    else if (heard.type === 'hello' && heard.hello !== null) this.#hearHello(heard.hello);
    else if (this.#state === 'ready') this.close('POLICY');
    // Whoever cannot say hello is not signed in; what else is wrong with a hello is told as such.
    else this.close(isForBadEvents(heard) ? 'POLICY' : 'UNAUTHENTICATED');
  }

  /** The first signs in; a later one brings the next access token of the same user, and nothing else. */
  #hearHello({ accessToken, events }: Hello): void {
    if (this.#state === 'ready') {
      if (events.length > 0) return this.close('POLICY');
      return void this.#during(this.#greet(accessToken, this.#eventKeys));
    }
    this.#become('greeting');
    void this.#during(this.#greet(accessToken, events));
  }

  async #during(task: Promise<void>): Promise<void> {
    this.#inFlight++;
    await task;
    this.#inFlight--;
    if (this.#isDraining && this.#inFlight === 0) this.close('DRAINING');
    else this.#hearWaiting();
  }

  async #greet(accessToken: string, events: readonly string[]): Promise<void> {
    const { context, feed } = this.#needs;
    try {
      const { identity, serverTime } = await this.#identified(accessToken);
      // Nobody would take it out again.
      if (this.#state === 'closing') return;
      const refusal = this.#refusalOf(identity);
      if (refusal !== null) return this.close(refusal);
      this.#identity = identity;
      this.#endsAtMs = this.#nowMs() + identity.endsAtMs - context.time.nowMs();
      const isFirst = this.#state === 'greeting';
      if (isFirst) {
        this.#eventKeys = events;
        feed.join(this);
        this.#become('ready');
      }
      this.tell({ type: 'ready', userId: identity.userId, serverTime });
      if (isFirst) feed.tellStandings(this);
    } catch (error) {
      this.close(this.#closeNameOf(problemOf(error), error));
    }
  }

  /** The server's word on a session counts, so it is asked something that every user may ask. */
  async #identified(accessToken: string): Promise<{ identity: Identity; serverTime: string }> {
    const { context, from } = this.#needs;
    const authorization = `Bearer ${accessToken}`;
    const identity = context.tokens.remembered(authorization) ?? (await context.tokens.verified(authorization));
    const [shown] = await ask(context, 'EVENT_LIST', [actorFrom(identity, from), 1, null]);
    return { identity, serverTime: shown[0]?.serverTime ?? new Date(context.time.nowMs()).toISOString() };
  }

  #refusalOf(identity: Identity): CloseName | null {
    const { context, feed } = this.#needs;
    if (context.revocations.includes(identity)) return 'SESSION_ENDED';
    if (this.#identity !== null) return this.#identity.userId === identity.userId ? null : 'UNAUTHENTICATED';
    return feed.socketsOf(identity.userId) < context.limits.liveSocketsOfUserMax ? null : 'TOO_MANY';
  }

  #closeNameOf(problem: Problem, error: unknown): CloseName {
    if (problem.code === 'UNAUTHENTICATED') return 'UNAUTHENTICATED';
    if (problem.code === 'SESSION_ENDED') return 'SESSION_ENDED';
    if (problem.code !== 'INTERNAL') return 'LATER';
    this.#needs.context.log.error({ err: error }, 'a live socket failed');
    return 'FAULT';
  }

  async #claim(heard: Claimed): Promise<void> {
    const { requestIds, metrics } = this.#needs.context;
    const requestId = heard.requestId ?? requestIds.next();
    const reply = await this.#claimReply(heard, requestId);
    metrics.liveOutcome(reply.code);
    this.tell({ type: 'outcome', requestId, ...claimOutcome(reply) });
    if (reply.code === 'SESSION_ENDED') this.close('SESSION_ENDED');
  }

  async #claimReply({ claim, faults }: Claimed, requestId: string): Promise<Reply> {
    const { context, from } = this.#needs;
    if (claim === null) return { code: 'BAD_REQUEST', faults };
    try {
      return await claimReply(context, actorFrom(this.identity, from), { eventKey: claim.eventKey, requestId });
    } catch (error) {
      context.log.error({ err: error }, 'a live claim failed');
      return problemOf(error);
    }
  }
}

/** A hello whose token may be good, but that names events in a way that nobody can. */
function isForBadEvents(heard: Heard): boolean {
  return heard.type === 'hello' && heard.faults.every(({ field }) => field !== 'accessToken');
}

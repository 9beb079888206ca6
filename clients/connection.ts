/**
 * One connection to one server: the handshake, requests out, replies in, pings, the end. It neither retries nor
 * connects again; its owner does. Its state is one word and moves only as the table below allows:
 *
 *     opening → greeting → proving → ready → leaving → closed      (and each of them → closed)
 *
 * Every request handed to `send` ends in exactly one call of `answered`, `lost` or `unsent`.
 */
import type { Socket } from 'node:net';
import { decodeBody, encodeFrame } from '../protocol/codec.ts';
import { errorName } from '../protocol/errors.ts';
import { type Frame, FrameReader, KIND, ProtocolViolation } from '../protocol/frame.ts';
import { LIMITS } from '../protocol/limits.ts';
import { OPS, opName } from '../protocol/ops.ts';
import { decodeReady, type readyTuple } from '../protocol/ready.ts';
import { encodeProblem, type Reply, ReplyRefused, read } from '../protocol/reply.ts';
import type { Runtime } from '../protocol/runtime.ts';
import { BodyRefused } from '../protocol/scan.ts';
import type { TypeOf } from '../protocol/shape.ts';
import type { Closing } from './closing.ts';
import type { Exchange } from './exchange.ts';
import { helloArgs, isServerProven, isVersionShared, type Nonces } from './handshake.ts';
import { isTold, type Notice, readNotice } from './notices.ts';
import type { Credential, Server, TlsSettings } from './options.ts';
import { Outbox } from './outbox.ts';
import { readReply } from './replies.ts';
import { SilenceWatch } from './silence.ts';
import { openSocket } from './transport.ts';

const NEXT = {
  opening: ['greeting', 'closed'],
  greeting: ['proving', 'closed'],
  proving: ['ready', 'closed'],
  ready: ['leaving', 'closed'],
  leaving: ['closed'],
  closed: [],
} as const satisfies Record<string, readonly string[]>;
export type ConnectionState = keyof typeof NEXT;

/** Who is told what becomes of a connection. Calls come from socket events and timers, never from inside `send`. */
export type ConnectionOwner = {
  onReady(connection: Connection): void;
  /** There is room for requests again. */
  onRoom(connection: Connection): void;
  onLeaving(connection: Connection): void;
  onNotice(notice: Notice): void;
  /** Comes after each of its requests has been told. */
  onClosed(connection: Connection, closing: Closing): void;
};
export type ConnectionNeeds = {
  server: Server;
  credential: Credential;
  tls: TlsSettings | undefined;
  runtime: Runtime;
  owner: ConnectionOwner;
};

export class Connection {
  readonly server: Server;
  readonly #credential: Credential;
  readonly #runtime: Runtime;
  readonly #owner: ConnectionOwner;
  readonly #socket: Socket;
  readonly #reader = new FrameReader(LIMITS.frameBytesMaxBeforeReady);
  readonly #outbox = new Outbox(LIMITS.frameBytesMaxBeforeReady);
  readonly #watch: SilenceWatch;
  readonly #cancelHandshake: () => void;
  #state: ConnectionState = 'opening';
  #nodeId = '';
  #roles: readonly string[] = [];
  #timeOriginMs = 0;
  /** Requests that may be in flight at once; 0 until the server has agreed to a number. */
  #window = 0;
  /** The same for claims in them. */
  #claimsMax = 0;
  /** Replies to the server's own requests, which travel with the next write. */
  #courtesies: Uint8Array[] = [];
  #sent = 0;
  #isFlushDue = false;
  #isClogged = false;
  readonly #flushThen = () => this.#flush();

  constructor({ server, credential, tls, runtime, owner }: ConnectionNeeds) {
    this.server = server;
    this.#credential = credential;
    this.#runtime = runtime;
    this.#owner = owner;
    this.#watch = new SilenceWatch(runtime, {
      ping: () => this.#dispatch(new Ping()),
      oldest: () => this.#outbox.oldest,
      end: (closing) => this.#end(closing),
    });
    this.#cancelHandshake = runtime.after(LIMITS.handshakeMs, () =>
      this.#end({ reason: 'HANDSHAKE_TIMEOUT', detail: `not ready after ${LIMITS.handshakeMs} ms` }),
    );
    this.#socket = this.#open(tls);
  }

  get state(): ConnectionState {
    return this.#state;
  }

  get inFlight(): number {
    return this.#outbox.length;
  }

  /** Requests that `send` was given. */
  get sent(): number {
    return this.#sent;
  }

  /** The server's name for itself; empty before its WELCOME. */
  get nodeId(): string {
    return this.#nodeId;
  }

  /** The roles the server gave to this service. */
  get roles(): readonly string[] {
    return this.#roles;
  }

  /** What the server's clock showed at READY less what the monotonic one did; 0 before. */
  get timeOriginMs(): number {
    return this.#timeOriginMs;
  }

  get claimsInFlight(): number {
    return this.#outbox.claims;
  }

  /** True when `send` may be called now with a request that makes no claim. */
  get hasRoom(): boolean {
    return this.#state === 'ready' && !this.#isClogged && this.#outbox.length < this.#window;
  }

  /** True when `send` may be called now with a request for so many claims. */
  hasRoomFor(claims: number): boolean {
    // More than one request may ever ask for is answered before it is sent and needs no room.
    const isSent = claims <= this.#outbox.batchClaimsMax;
    return this.hasRoom && (!isSent || this.#outbox.claims + claims <= this.#claimsMax);
  }

  /** Only while `hasRoomFor` its claims. The request leaves together with all others of this turn. */
  send(exchange: Exchange): void {
    if (!this.hasRoomFor(exchange.claims)) throw new Error(`send on a connection that is ${this.#state} or full`);
    this.#sent++;
    this.#dispatch(exchange);
  }

  /** Ends it now; what is in flight is lost. */
  close(): void {
    this.#end({ reason: 'CLOSED_HERE', detail: 'the client was closed' });
  }

  #open(tls: TlsSettings | undefined): Socket {
    const socket = openSocket(this.server, tls, () => {
      if (this.#state === 'opening') this.#become('greeting');
    });
    socket.on('data', (chunk: Uint8Array) => this.#received(chunk));
    socket.on('drain', () => {
      this.#isClogged = false;
      if (this.hasRoom) this.#owner.onRoom(this);
    });
    socket.on('error', (error) => {
      const reason = this.#state === 'opening' ? 'CONNECT_FAILED' : 'CONNECTION_LOST';
      this.#end({ reason, detail: error.message });
    });
    socket.on('close', () => this.#end({ reason: 'CONNECTION_LOST', detail: 'the server closed the connection' }));
    return socket;
  }

  #become(state: ConnectionState): void {
    const allowed: readonly ConnectionState[] = NEXT[this.#state];
    if (!allowed.includes(state)) throw new Error(`a connection cannot become ${state} when it is ${this.#state}`);
    this.#state = state;
  }

  #received(chunk: Uint8Array): void {
    if (this.#state === 'closed') return;
    this.#watch.heard();
    try {
      this.#reader.push(chunk);
      for (let frame = this.#reader.next(); frame !== null; frame = this.#reader.next()) {
        this.#take(frame);
        if (this.state === 'closed') return;
      }
    } catch (error) {
      if (!isPeerFault(error)) throw error;
      this.#end({ reason: 'SERVER_MALFORMED', detail: error.message });
      return;
    }
    if (this.#state === 'leaving' && this.#outbox.length === 0) {
      this.#end({ reason: 'DRAINED', detail: 'the server drains and everything is answered' });
    } else if (this.hasRoom) this.#owner.onRoom(this);
  }

  #take(frame: Frame): void {
    if (frame.kind === KIND.notice) this.#takeNotice(frame);
    else if (this.#state === 'opening' || this.#state === 'greeting') throw new ReplyRefused('no WELCOME first');
    else if (frame.kind === KIND.reply) this.#takeReply(frame);
    else this.#takeRequest(frame);
  }

  #takeReply({ op, number, body }: Frame): void {
    const exchange = this.#outbox.take(number);
    if (exchange === undefined) throw new ReplyRefused(`no request ${number} is in flight`);
    let reply: Reply;
    try {
      if (op !== OPS[exchange.name].op) throw new ReplyRefused(`op ${op} does not answer ${exchange.name}`);
      reply = readReply(exchange, body);
    } catch (error) {
      // Taken out already, so the end of the connection would not reach it.
      exchange.lost({ reason: 'SERVER_MALFORMED', detail: String(error) });
      throw error;
    }
    exchange.answered(reply);
  }

  /** A server asks for nothing but signs of life; what a later version may ask is declined. */
  #takeRequest({ op, number }: Frame): void {
    const body = opName(op) === 'PING' ? [0, null, null] : encodeProblem({ code: 'OP_UNKNOWN' });
    this.#courtesies.push(encodeFrame(KIND.reply, op, number, body));
    this.#flushSoon();
  }

  /** Notices of a later version are ignored. */
  #takeNotice({ op, body }: Frame): void {
    const name = opName(op);
    if (name === 'CLOSE') {
      const [code, detail] = read(OPS.CLOSE.args, decodeBody(body));
      return this.#end({ reason: errorName(code) ?? 'CONNECTION_LOST', detail: detail ?? `close reason ${code}` });
    }
    if (name === 'WELCOME') return this.#welcomed(body);
    if (isTold(name)) return this.#owner.onNotice(readNotice(this.server.address, name, body));
    if (name === 'GOAWAY' && this.#state === 'ready') {
      this.#become('leaving');
      this.#outbox.recall({ reason: 'SHUTDOWN', detail: 'the server drains' });
      this.#owner.onLeaving(this);
    }
  }

  #welcomed(body: Uint8Array): void {
    if (this.#state !== 'opening' && this.#state !== 'greeting') throw new ReplyRefused('a second WELCOME');
    if (this.#state === 'opening') this.#become('greeting');
    const welcome = read(OPS.WELCOME.args, decodeBody(body));
    const [versionMin, versionMax, , nodeId, serverNonce] = welcome;
    if (!isVersionShared(welcome)) {
      return this.#end({ reason: 'VERSION_UNSUPPORTED', detail: `the server speaks ${versionMin}…${versionMax}` });
    }
    this.#become('proving');
    this.#nodeId = nodeId;
    const nonces: Nonces = {
      // The decoded bytes alias the socket's chunk.
      serverNonce: new Uint8Array(serverNonce),
      clientNonce: this.#runtime.randomBytes(LIMITS.nonceBytes),
    };
    this.#dispatch(new Hello(helloArgs(this.#credential, nonces), (reply) => this.#greeted(reply, nonces)));
  }

  #greeted(reply: Reply, nonces: Nonces): void {
    if (reply.code !== 'OK') {
      return this.#end({
        reason: reply.code,
        detail: ('detail' in reply ? reply.detail : undefined) ?? 'HELLO refused',
      });
    }
    const ready = decodeReady(reply.result as TypeOf<typeof readyTuple>);
    if (!isServerProven(this.#credential, nonces, ready)) {
      return this.#end({ reason: 'SERVER_UNPROVEN', detail: 'the server does not hold the service key' });
    }
    this.#become('ready');
    this.#cancelHandshake();
    this.#watch.start();
    this.#roles = ready.roles;
    this.#timeOriginMs = ready.serverTimeMs - this.#runtime.monotonicMs();
    this.#window = ready.inFlightFramesMax;
    this.#claimsMax = ready.inFlightClaimsMax;
    this.#outbox.batchClaimsMax = Math.min(ready.batchClaimsMax, ready.inFlightClaimsMax);
    this.#reader.frameBytesMax = ready.frameBytesMax;
    this.#outbox.frameBytesMax = ready.frameBytesMax;
    this.#owner.onReady(this);
  }

  #dispatch(exchange: Exchange): void {
    this.#outbox.add(exchange);
    this.#flushSoon();
  }

  #flushSoon(): void {
    if (this.#isFlushDue) return;
    this.#isFlushDue = true;
    this.#runtime.soon(this.#flushThen);
  }

  #flush(): void {
    this.#isFlushDue = false;
    if (this.#state === 'closed') return;
    let bytes = this.#outbox.encode();
    if (this.#courtesies.length > 0) {
      bytes = Buffer.concat([...this.#courtesies, bytes]);
      this.#courtesies = [];
    }
    if (bytes.length > 0 && !this.#socket.write(bytes)) this.#isClogged = true;
    // What was given up before it was sent has left room.
    if (this.hasRoom) this.#owner.onRoom(this);
  }

  #end(closing: Closing): void {
    if (this.#state === 'closed') return;
    this.#become('closed');
    this.#cancelHandshake();
    this.#watch.stop();
    this.#socket.destroy();
    this.#outbox.end(closing);
    this.#owner.onClosed(this, closing);
  }
}

function isPeerFault(error: unknown): error is Error {
  return error instanceof ProtocolViolation || error instanceof BodyRefused || error instanceof ReplyRefused;
}

/** The two requests a connection makes for itself; when they are not answered it ends anyway. */
class Ping implements Exchange {
  readonly name = 'PING';
  readonly claims = 0;
  readonly isOver = false;
  body() {
    return [];
  }
  answered(): void {}
  lost(): void {}
  unsent(): void {}
}

class Hello implements Exchange {
  readonly name = 'HELLO';
  readonly claims = 0;
  readonly isOver = false;
  readonly #args: ReturnType<typeof helloArgs>;
  readonly answered: (reply: Reply) => void;
  constructor(args: ReturnType<typeof helloArgs>, answered: (reply: Reply) => void) {
    this.#args = args;
    this.answered = answered;
  }
  body() {
    return this.#args;
  }
  lost(): void {}
  unsent(): void {}
}

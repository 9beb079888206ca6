/**
 * One socket's life as a state machine: bytes in, frames to the handler, replies out. It knows who the peer is and which
 * request numbers are in flight, and nothing of what a request means. Invariant: a request handed to the handler was
 * the only one of its number, and nothing is read or answered after CLOSED.
 *
 * More than `inFlightFramesMax` requests close the connection rather than pause it: READY said the number, and a peer
 * that cannot count its own requests would also lose track of their answers.
 */
import type { Socket } from 'node:net';
import { ERRORS, errorName } from '../../protocol/errors.ts';
import { type Frame, FrameReader, KIND, ProtocolViolation } from '../../protocol/frame.ts';
import { OPS } from '../../protocol/ops.ts';
import type { Log } from '../lib/log.ts';
import type { Service } from '../session/principal.ts';
import type { SweepClock } from './clock.ts';
import type { NetCounters } from './counters.ts';
import type { Flusher } from './flusher.ts';
import { type HandshakeParts, judgeHello, welcomeFrame } from './handshake.ts';
import { InFlight } from './in-flight.ts';
import { intakeOf } from './intake.ts';
import { type CloseReason, type PinnedReason, type State, stepped } from './life.ts';
import { Outbox } from './outbox.ts';
import { closeFrame, goAwayFrame, pingFrame, pongFrame, problemFrame } from './own-frames.ts';
import { verdictOf } from './patience.ts';
import type { Peer, RequestHandler } from './peer.ts';

/** What all connections of a listener share. */
export type Shared = {
  handshake: HandshakeParts;
  handler: RequestHandler;
  randomBytes: (length: number) => Uint8Array;
  clock: SweepClock;
  flusher: Flusher;
  counters: NetCounters;
  log: Log;
  /** The connection has proved who it is. */
  onReady(connection: Connection): void;
  /** Nothing more is read from the connection; its last bytes may still be leaving. */
  onClosed(connection: Connection, reason: CloseReason): void;
  /** The socket is gone. */
  onGone(connection: Connection): void;
};

const NOBODY: Service = { serviceId: '', roles: new Set() };
/** Ops up to here belong to the connection; those above are the handler's. */
const OWN_OPS_MAX = OPS.CLOSE.op;
/** Why a connection is not read; bits, because both may hold. */
const PAUSE = { full: 1, slow: 2 } as const;

export class Connection implements Peer {
  service = NOBODY;
  readonly #socket: Socket;
  readonly #shared: Shared;
  readonly #reader: FrameReader;
  readonly #outbox: Outbox;
  readonly #nonce: Uint8Array;
  readonly #inFlight = new InFlight();
  #state: State = 'CONNECTED';
  #inStateSince: number;
  #heardAt: number;
  #pingedAt = Number.NEGATIVE_INFINITY;
  #pingNumber = 0;
  #frameSince: number | null = null;
  #slowSince: number | null = null;
  #pauses = 0;
  #lost: Error | null = null;

  constructor(accepted: Socket, shared: Shared) {
    const socket = intakeOf(accepted, (chunk) => this.#take(chunk));
    this.#socket = socket;
    this.#shared = shared;
    this.#reader = new FrameReader(shared.handshake.limits.frameBytesMaxBeforeReady);
    this.#outbox = new Outbox(socket, shared.counters);
    this.#nonce = shared.randomBytes(32);
    this.#inStateSince = shared.clock.exactMs();
    this.#heardAt = shared.clock.nowMs;
    socket.on('drain', () => this.#checkUnsent());
    socket.on('end', () => this.#leave('PEER_CLOSED'));
    socket.on('error', (error) => {
      this.#lost = error;
    });
    socket.on('close', () => this.#gone());
    this.#send(welcomeFrame(shared.handshake, this.#nonce));
  }

  get isOpen(): boolean {
    return this.#state === 'READY' || this.#state === 'DRAINING';
  }

  weigh(number: number, claims: number): boolean {
    if (!this.isOpen) return false;
    this.#inFlight.weigh(number, claims);
    const isWithin = this.#inFlight.claims <= this.#shared.handshake.limits.inFlightClaimsMax;
    if (!isWithin) this.close('TOO_MANY_IN_FLIGHT');
    return isWithin;
  }

  reply(number: number, frame: Uint8Array): void {
    if (!this.isOpen) return;
    if (!this.#inFlight.delete(number)) throw new Error(`reply to request ${number}, which is not in flight`);
    this.#send(frame);
  }

  get outgoing(): Buffer {
    return this.#outbox.bytes;
  }

  reserve(number: number, bytes: number): number {
    if (!this.isOpen) return -1;
    if (!this.#inFlight.delete(number)) throw new Error(`reply to request ${number}, which is not in flight`);
    if (this.#outbox.isEmpty) this.#shared.flusher.mark(this);
    return this.#outbox.reserve(bytes);
  }

  notify(frame: Uint8Array): void {
    if (this.isOpen) this.#send(frame);
  }

  /** Writes what is queued. The flusher calls it once a turn. */
  flush(): void {
    if (this.#state === 'CLOSED') return;
    // Judged before this turn's replies join in: a peer that takes what it gets may be given a burst of any size.
    if (this.#outbox.unsentBytes > this.#shared.handshake.limits.unsentBytesMax) return this.close('SLOW_READER');
    this.#outbox.write();
    this.#checkUnsent();
  }

  /** Reads again after everything was full. */
  release(): void {
    this.#resume(PAUSE.full);
  }

  /** Announces the end: what was accepted is answered, what comes now gets DRAINING. */
  drain(): void {
    if (this.#state === 'CONNECTED') return this.close('SHUTDOWN');
    if (this.#state !== 'READY') return;
    this.#step('DRAINING');
    this.#send(goAwayFrame());
  }

  /** Says why, ends the socket after what is queued, and reads no more. */
  close(reason: PinnedReason, detail: string = ERRORS[reason].sentence): void {
    if (this.#state === 'CLOSED') return;
    this.#outbox.add(closeFrame(reason, detail));
    this.#outbox.write();
    this.#leave(reason);
    this.#socket.end();
    // What still arrives is read and dropped: a socket closed over unread bytes sends a reset, which can destroy the
    // CLOSE notice on its way.
    this.#socket.resume();
  }

  /** After `close`: does not wait for the peer's own end, only for the last bytes to leave. */
  hangUp(): void {
    this.#socket.destroySoon();
  }

  /** Looks after every deadline of the connection; called by the sweep. */
  sweep(): void {
    const { clock, handshake } = this.#shared;
    if (this.#state !== 'CLOSED') this.#checkUnsent();
    const nowMs = clock.nowMs;
    const verdict = verdictOf(
      {
        state: this.#state,
        inStateMs: nowMs - this.#inStateSince,
        silentMs: nowMs - this.#heardAt,
        pingedMs: nowMs - this.#pingedAt,
        midFrameMs: this.#frameSince === null ? null : nowMs - this.#frameSince,
        slowMs: this.#slowSince === null ? null : nowMs - this.#slowSince,
        isRead: this.#pauses === 0,
      },
      handshake.limits,
    );
    if (verdict === 'WAIT') return;
    if (verdict === 'DESTROY') {
      this.#socket.destroy();
      return;
    }
    if (verdict !== 'PING') return this.close(verdict);
    this.#pingedAt = nowMs;
    this.#pingNumber = (this.#pingNumber + 1) >>> 0;
    this.#send(pingFrame(this.#pingNumber));
  }

  /** True when a DRAINING connection has nothing in flight and has had time to hear of it. */
  isQuiet(nowMs: number): boolean {
    const { drainQuietMs } = this.#shared.handshake.limits;
    return this.#state === 'DRAINING' && this.#inFlight.size === 0 && nowMs - this.#inStateSince >= drainQuietMs;
  }

  #send(frame: Uint8Array): void {
    if (this.#outbox.isEmpty) this.#shared.flusher.mark(this);
    this.#outbox.add(frame);
  }

  #take(chunk: Uint8Array): void {
    if (this.#state === 'CLOSED') return;
    this.#shared.counters.bytesIn += chunk.length;
    this.#heardAt = this.#shared.clock.nowMs;
    try {
      this.#takeFrames(chunk);
    } catch (error) {
      if (!(error instanceof ProtocolViolation)) throw error;
      this.close(errorName(error.code) as PinnedReason, error.message);
    }
    if (this.isOpen && this.#shared.flusher.hold(this)) this.#pause(PAUSE.full);
  }

  #takeFrames(chunk: Uint8Array): void {
    const reader = this.#reader;
    let isSameFrame = reader.isMidFrame;
    if (!isSameFrame && this.#state === 'READY') this.#shared.handler.foresee?.(chunk);
    reader.push(chunk);
    while (reader.read()) {
      isSameFrame = false;
      if (this.#state === 'CONNECTED') this.#takeHello(reader.frame());
      else this.#takeFrame(reader);
      if ((this.#state as State) === 'CLOSED') return;
    }
    if (!reader.isMidFrame) this.#frameSince = null;
    else if (!isSameFrame) this.#frameSince = this.#shared.clock.exactMs();
  }

  #takeHello(frame: Frame): void {
    if (frame.kind !== KIND.request || frame.op !== OPS.HELLO.op) return this.close('HANDSHAKE_EXPECTED');
    // Nothing may follow before READY is heard, so that nobody makes us keep what they have not proved they may send.
    if (this.#reader.next() !== null || this.#reader.isMidFrame) return this.close('HANDSHAKE_EXPECTED');
    const outcome = judgeHello(this.#shared.handshake, frame, this.#nonce);
    this.#send(outcome.reply);
    if ('refusal' in outcome) return this.close(outcome.refusal, outcome.detail);
    this.service = outcome.service;
    this.#reader.frameBytesMax = this.#shared.handshake.limits.frameBytesMax;
    this.#step('READY');
    this.#shared.onReady(this);
  }

  #takeFrame(reader: FrameReader): void {
    const { kind, op, number } = reader;
    if (this.#state !== 'READY' || kind !== KIND.request || op <= OWN_OPS_MAX) return this.#answer(reader.frame());
    const inFlight = this.#inFlight;
    const { inFlightFramesMax, inFlightClaimsMax } = this.#shared.handshake.limits;
    // How many a batch holds is known to who reads it, and said by `weigh`.
    const claims = op === OPS.CLAIM.op ? 1 : 0;
    const isFull = inFlight.size >= inFlightFramesMax || inFlight.claims + claims > inFlightClaimsMax;
    if (isFull) return this.close('TOO_MANY_IN_FLIGHT');
    if (!inFlight.add(number, claims)) return this.#refuseNumber(number);
    this.#handle(reader);
  }

  /** What a connection answers by itself. */
  #answer(frame: Frame): void {
    const { kind, op, number } = frame;
    if (kind !== KIND.request) return this.#takePong(frame);
    if (this.#inFlight.has(number)) return this.#refuseNumber(number);
    if (op === OPS.PING.op) return this.#send(pongFrame(number));
    if (op <= OWN_OPS_MAX) {
      return this.#send(problemFrame(frame, { code: 'OP_UNKNOWN', detail: 'Not an op for a client that is READY.' }));
    }
    const retryAfterMs = this.#shared.handshake.limits.drainRetryAfterMs;
    this.#send(problemFrame(frame, { code: 'DRAINING', retryAfterMs }));
  }

  #refuseNumber(number: number): void {
    this.close('NUMBER_REUSED', `Request ${number} is still in flight.`);
  }

  /** A bug in the handler costs its request, not the connection and never the process. */
  #handle(reader: FrameReader): void {
    const { handler, log } = this.#shared;
    const { op, number } = reader;
    try {
      if (handler.take?.(this, reader) !== true) handler.request(this, keptFrame(reader));
    } catch (error) {
      log.error({ err: error, op }, 'the request handler threw');
      if (this.#inFlight.delete(number)) this.#send(problemFrame({ op, number }, { code: 'INTERNAL' }));
    }
  }

  /** Hearing it was enough: any byte ends the silence. Nothing else that is no request may come from a client. */
  #takePong(frame: Frame): void {
    if (frame.kind === KIND.reply && frame.op === OPS.PING.op) return;
    this.close('FRAME_MALFORMED', `A client does not send frames of kind ${frame.kind} and op ${frame.op}.`);
  }

  #checkUnsent(): void {
    if (this.#outbox.unsentBytes <= this.#shared.handshake.limits.unsentPauseBytes) {
      this.#slowSince = null;
      if ((this.#pauses & PAUSE.slow) !== 0) this.#resume(PAUSE.slow);
    } else if (this.#slowSince === null) {
      this.#slowSince = this.#shared.clock.exactMs();
      this.#pause(PAUSE.slow);
    }
  }

  #pause(why: number): void {
    this.#pauses |= why;
    this.#socket.pause();
  }

  #resume(why: number): void {
    this.#pauses &= ~why;
    if (this.#pauses !== 0 || this.#state === 'CLOSED') return;
    // The silence was ours: deadlines begin anew.
    this.#heardAt = this.#shared.clock.exactMs();
    if (this.#frameSince !== null) this.#frameSince = this.#heardAt;
    this.#socket.resume();
  }

  #step(to: State): void {
    this.#state = stepped(this.#state, to);
    this.#inStateSince = this.#shared.clock.exactMs();
  }

  #leave(reason: CloseReason): void {
    if (this.#state === 'CLOSED') return;
    this.#step('CLOSED');
    this.#inFlight.clear();
    this.#shared.flusher.forget(this);
    this.#shared.onClosed(this, reason);
  }

  #gone(): void {
    this.#leave(this.#lost === null ? 'PEER_CLOSED' : 'PEER_LOST');
    this.#shared.onGone(this);
  }
}

/** What the general way may still hold when the next bytes are read. */
function keptFrame(reader: FrameReader): Frame {
  const frame = reader.frame();
  return { ...frame, body: Buffer.from(frame.body) };
}

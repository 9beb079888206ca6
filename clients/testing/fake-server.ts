/**
 * A claim server that does what a test tells it: real sockets, the real protocol, no decisions of its own. The
 * handshake is done for the test unless it says how not to; every other request is recorded and answered by the test's
 * `answer`, or left for the test to answer when it likes.
 */
import { createHmac, randomBytes } from 'node:crypto';
import { createServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer, type TlsOptions } from 'node:tls';
import { encodeClaim } from '../../protocol/claim.ts';
import { decodeBody, encodeFrame, type Value, widen } from '../../protocol/codec.ts';
import { ERRORS, type ErrorName } from '../../protocol/errors.ts';
import { type Frame, FrameReader, KIND } from '../../protocol/frame.ts';
import { proofBytes } from '../../protocol/handshake.ts';
import { LIMITS } from '../../protocol/limits.ts';
import { OPS, opName } from '../../protocol/ops.ts';
import { encodeReady } from '../../protocol/ready.ts';
import { encodeProblem, type Problem } from '../../protocol/reply.ts';

export const SERVICE_ID = 'game-1';
export const SERVICE_KEY = Buffer.alloc(32, 7);

export type Behaviour = {
  /** The body of a reply, or null to leave the request unanswered for now. */
  answer?: (request: FakeRequest) => readonly Value[] | null;
  /** In place of WELCOME. */
  greet?: (peer: FakePeer) => void;
  versions?: readonly [min: number, max: number];
  /** The key the server proves itself with. */
  key?: Uint8Array;
  /** In place of READY. */
  hello?: (request: FakeRequest) => void;
  inFlightFramesMax?: number;
  inFlightClaimsMax?: number;
  batchClaimsMax?: number;
  frameBytesMax?: number;
  port?: number;
  tls?: TlsOptions;
};

export class FakeRequest {
  readonly name: string;
  readonly number: number;
  readonly args: Value[];
  readonly peer: FakePeer;

  constructor(peer: FakePeer, frame: Frame) {
    this.peer = peer;
    this.name = opName(frame.op) ?? String(frame.op);
    this.number = frame.number;
    this.args = decodeBody(frame.body) as Value[];
  }

  reply(body: readonly Value[]): void {
    this.peer.write(
      encodeFrame(KIND.reply, OPS[this.name as keyof typeof OPS].op, this.number, widen(body) as Value[]),
    );
  }

  problem(problem: Problem): void {
    this.reply(encodeProblem(problem));
  }

  /** GRANTED to a CLAIM, with the claim that was asked for. */
  grant(code: ErrorName = 'GRANTED'): void {
    this.reply(claimBody(this, code));
  }
}

export function claimBody({ args }: FakeRequest, code: ErrorName = 'GRANTED'): readonly Value[] {
  const [, eventKey, userId, requestId] = args as string[];
  const parts = { eventKey: eventKey as string, userId: userId as string, requestId: requestId as string };
  const claim = {
    ...parts,
    claimKey: '',
    period: '-',
    grantedAt: 1_800_000_000_000,
    configVersion: 1,
    slot: null,
    rewards: [{ kind: 'currency', id: 'gold', amount: 100 }],
    delivery: { state: 'PENDING', attempts: 0, fulfilledAt: null } as const,
  };
  return [ERRORS[code].code, encodeClaim(claim, null), null];
}

export class FakePeer {
  readonly socket: Socket;
  readonly nonce: Uint8Array = randomBytes(LIMITS.nonceBytes);
  /** How many chunks of data arrived: how often the client wrote, as far as a socket tells. */
  chunks = 0;
  isClosed = false;

  constructor(socket: Socket) {
    this.socket = socket;
    socket.on('error', () => {});
    socket.on('close', () => {
      this.isClosed = true;
    });
  }

  write(bytes: Uint8Array): void {
    this.socket.write(bytes);
  }

  notice(name: 'WELCOME' | 'GOAWAY' | 'CLOSE', body: readonly Value[]): void {
    this.write(encodeFrame(KIND.notice, OPS[name].op, 0, body));
  }

  /** A request of the server's own. */
  request(op: number, number: number): void {
    this.write(encodeFrame(KIND.request, op, number, []));
  }

  cut(): void {
    this.socket.destroy();
  }
}

export class FakeServer {
  readonly behaviour: Behaviour;
  readonly peers: FakePeer[] = [];
  /** Requests after READY, in the order they came, of all connections. */
  readonly requests: FakeRequest[] = [];
  /** Replies the client sent, by request number. */
  readonly replies: Frame[] = [];
  readonly #server: Server;

  private constructor(behaviour: Behaviour) {
    this.behaviour = behaviour;
    const onSocket = (socket: Socket) => this.#accept(socket);
    this.#server = behaviour.tls === undefined ? createServer(onSocket) : createTlsServer(behaviour.tls, onSocket);
  }

  static async start(behaviour: Behaviour = {}): Promise<FakeServer> {
    const server = new FakeServer(behaviour);
    await new Promise<void>((resolve) => server.#server.listen(behaviour.port ?? 0, '127.0.0.1', resolve));
    return server;
  }

  get port(): number {
    const address = this.#server.address();
    return typeof address === 'object' && address !== null ? address.port : 0;
  }

  get address(): string {
    return `127.0.0.1:${this.port}`;
  }

  async stop(): Promise<void> {
    for (const peer of this.peers) peer.cut();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  #accept(socket: Socket): void {
    const peer = new FakePeer(socket);
    const reader = new FrameReader(LIMITS.frameBytesMax);
    this.peers.push(peer);
    socket.on('data', (chunk) => {
      peer.chunks++;
      reader.push(chunk);
      for (let frame = reader.next(); frame !== null; frame = reader.next()) this.#take(peer, frame);
    });
    if (this.behaviour.greet !== undefined) return this.behaviour.greet(peer);
    const [min, max] = this.behaviour.versions ?? [1, 1];
    peer.notice('WELCOME', [min, max, 'cluster-1', `node-${this.port}`, peer.nonce, LIMITS.frameBytesMaxBeforeReady]);
  }

  #take(peer: FakePeer, frame: Frame): void {
    if (frame.kind === KIND.reply) {
      this.replies.push(frame);
      return;
    }
    const request = new FakeRequest(peer, frame);
    if (request.name === 'HELLO') return (this.behaviour.hello ?? ((hello) => this.ready(hello)))(request);
    this.requests.push(request);
    const body = this.behaviour.answer?.(request) ?? null;
    if (body !== null) request.reply(body);
  }

  /** READY when the client's proof is right, else HANDSHAKE_REFUSED. */
  ready(hello: FakeRequest): void {
    const { peer } = hello;
    const [, , serviceId, clientNonce, clientProof] = hello.args as [number, string, string, Uint8Array, Uint8Array];
    const proof = (side: 'client' | 'server', key: Uint8Array) =>
      createHmac('sha256', key)
        .update(proofBytes({ side, serverNonce: peer.nonce, clientNonce, serviceId }))
        .digest();
    if (!proof('client', SERVICE_KEY).equals(clientProof)) {
      peer.notice('CLOSE', [ERRORS.HANDSHAKE_REFUSED.code, 'wrong proof']);
      peer.socket.end();
      return;
    }
    const limits = {
      frameBytesMax: this.behaviour.frameBytesMax ?? LIMITS.frameBytesMax,
      inFlightFramesMax: this.behaviour.inFlightFramesMax ?? LIMITS.inFlightFramesMax,
      inFlightClaimsMax: this.behaviour.inFlightClaimsMax ?? LIMITS.inFlightClaimsMax,
      batchClaimsMax: this.behaviour.batchClaimsMax ?? LIMITS.batchClaimsMax,
    };
    const serverProof = proof('server', this.behaviour.key ?? SERVICE_KEY);
    hello.reply([
      0,
      encodeReady({ ...limits, shardMapVersion: 1, serverProof, serverTimeMs: Date.now(), roles: ['game'] }),
      null,
    ]);
  }
}

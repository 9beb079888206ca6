/** The bare other end of a connection: sends any bytes, keeps the frames that come, and does nothing by itself. */
import { createHmac, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { decodeBody, encodeFrame } from '../../../protocol/codec.ts';
import { errorName } from '../../../protocol/errors.ts';
import { type Frame, FrameReader, KIND, PROTOCOL_VERSION } from '../../../protocol/frame.ts';
import { proofBytes } from '../../../protocol/handshake.ts';
import { LIMITS } from '../../../protocol/limits.ts';
import { OPS } from '../../../protocol/ops.ts';
import type { ServiceCredential } from '../../credentials/data-folder.ts';
import { targetOf } from '../../processes/claimd.ts';

/** What an attacker wants wrong in an otherwise right HELLO. */
export type HelloFaults = {
  version?: number;
  serviceId?: string;
  key?: string;
  nonce?: Uint8Array;
  proof?: Uint8Array;
};

export class RawPeer {
  readonly socket: Socket;
  readonly closed: Promise<void>;
  readonly #reader = new FrameReader(LIMITS.frameBytesMax);
  readonly #frames: Frame[] = [];
  #wake = () => {};
  #isClosed = false;

  constructor(address: string) {
    this.socket = connect({ ...targetOf(address), noDelay: true });
    // How it ended is read from the last frame.
    this.socket.on('error', () => {});
    this.socket.on('data', (chunk) => this.#take(chunk));
    this.closed = new Promise((resolve) => {
      this.socket.once('close', () => {
        this.#isClosed = true;
        this.#wake();
        resolve();
      });
    });
  }

  /** Resolves when the kernel has the connection; WELCOME may still be on its way. */
  static async open(address: string): Promise<RawPeer> {
    const peer = new RawPeer(address);
    await once(peer.socket, 'connect');
    return peer;
  }

  /** Resolves when the server has answered READY. */
  static async ready(address: string, service: ServiceCredential): Promise<RawPeer> {
    const peer = await RawPeer.open(address);
    peer.send(await peer.hello(service));
    await peer.frame(1);
    return peer;
  }

  send(...parts: readonly Uint8Array[]): void {
    this.socket.write(Buffer.concat(parts));
  }

  /** Reads nothing more. */
  stopReading(): void {
    this.socket.removeAllListeners('data').pause();
  }

  /** The frame with this index; 0 is WELCOME. Rejects when the connection ends before it. */
  async frame(index: number): Promise<Frame> {
    for (;;) {
      const frame = this.#frames[index];
      if (frame !== undefined) return frame;
      if (this.#isClosed) throw new Error(`the connection ended before frame ${index}`);
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  /** The name of the code that the reply with this frame index has. */
  async codeOf(index: number): Promise<string> {
    const [code] = decodeBody((await this.frame(index)).body) as [number];
    return errorName(code) ?? `code ${code}`;
  }

  /** The reason of the CLOSE notice, after the connection is gone; `no notice` when there was none. */
  async reason(): Promise<string> {
    await this.closed;
    const last = this.#frames.at(-1);
    if (last?.kind !== KIND.notice || last.op !== OPS.CLOSE.op) return 'no notice';
    const [code] = decodeBody(last.body) as [number];
    return errorName(code) ?? `code ${code}`;
  }

  /** The HELLO that answers this connection's WELCOME. */
  async hello(service: ServiceCredential, faults: HelloFaults = {}): Promise<Uint8Array> {
    const { serviceId, version = PROTOCOL_VERSION, key } = { ...service, ...faults };
    const welcome = decodeBody((await this.frame(0)).body) as unknown[];
    const serverNonce = faults.nonce ?? (welcome[4] as Uint8Array);
    const clientNonce = randomBytes(LIMITS.nonceBytes);
    const signed = proofBytes({ side: 'client', serverNonce, clientNonce, serviceId });
    const proof = faults.proof ?? createHmac('sha256', Buffer.from(key, 'base64')).update(signed).digest();
    return encodeFrame(KIND.request, OPS.HELLO.op, 1, [version, 'soak', serviceId, clientNonce, proof]);
  }

  #take(chunk: Uint8Array): void {
    this.#reader.push(chunk);
    for (let frame = this.#reader.next(); frame !== null; frame = this.#reader.next()) {
      this.#frames.push({ ...frame, body: frame.body.slice() });
    }
    this.#wake();
  }
}

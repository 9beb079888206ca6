/**
 * The bare other end of a connection for tests: sends any bytes, keeps every frame that comes, and never does anything
 * by itself, not even read, unless told.
 */
import { createHmac } from 'node:crypto';
import { connect as connectTcp, type Socket } from 'node:net';
import { type ConnectionOptions, connect as connectTls } from 'node:tls';
import { decodeBody, encodeFrame, type Value } from '../../../protocol/codec.ts';
import { errorName } from '../../../protocol/errors.ts';
import { type Frame, FrameReader, KIND } from '../../../protocol/frame.ts';
import { proofBytes } from '../../../protocol/handshake.ts';
import { OPS } from '../../../protocol/ops.ts';
import type { Address } from '../listener.ts';

export const SERVICE_ID = 'game-1';
export const SERVICE_KEY = Buffer.alloc(32, 7);
export const CLIENT_NONCE = Buffer.alloc(32, 3);

export type RawClient = {
  readonly socket: Socket;
  readonly frames: Frame[];
  /** How many chunks the frames came in. */
  readonly chunks: number[];
  send(...parts: Uint8Array[]): void;
  /** Resolves to the frame `index` (0 is WELCOME); rejects when the connection ends before it. */
  frame(index: number): Promise<Frame>;
  /** Resolves when the connection is gone. */
  closed: Promise<void>;
  /** The reason of the last frame if that is CLOSE, after the connection is gone. */
  reason(): Promise<string | undefined>;
  /** Sends a right HELLO, with what a test wants wrong, and resolves to the decoded reply. */
  hello(wrong?: Partial<HelloFields>): Promise<unknown>;
};
export type HelloFields = { version: number; serviceId: string; key: Uint8Array; proof: Uint8Array; number: number };

export function rawClient({ host, port }: Address, tls?: ConnectionOptions): RawClient {
  const socket = tls === undefined ? connectTcp({ host, port }) : connectTls({ host, port, ...tls });
  socket.setNoDelay(true);
  const reader = new FrameReader(1_048_576);
  const frames: Frame[] = [];
  const chunks: number[] = [];
  let wake = () => {};
  let isGone = false;
  socket.on('data', (chunk) => {
    chunks.push(chunk.length);
    reader.push(chunk);
    for (let frame = reader.next(); frame !== null; frame = reader.next()) frames.push(frame);
    wake();
  });
  // How it ended is what the tests read from the frames and the server's counters.
  socket.on('error', () => {});
  const closed = new Promise<void>((resolve) => {
    socket.on('close', () => {
      isGone = true;
      wake();
      resolve();
    });
  });
  async function frame(index: number): Promise<Frame> {
    while (frames[index] === undefined) {
      if (isGone) throw new Error(`the connection ended before frame ${index}`);
      await new Promise<void>((resolve) => {
        const before = wake;
        wake = () => {
          before();
          resolve();
        };
      });
    }
    return frames[index];
  }
  return {
    socket,
    frames,
    chunks,
    closed,
    frame,
    send: (...parts) => void socket.write(Buffer.concat(parts)),
    async reason() {
      await closed;
      const last = frames.at(-1);
      if (last?.kind !== KIND.notice || last.op !== OPS.CLOSE.op) return undefined;
      return errorName((decodeBody(last.body) as [number])[0]);
    },
    async hello(wrong = {}) {
      const welcome = await frame(0);
      socket.write(helloFrame(welcome, wrong));
      return decodeBody((await frame(1)).body);
    },
  };
}

/** The HELLO that answers a WELCOME. */
export function helloFrame(welcome: Frame, wrong: Partial<HelloFields> = {}): Uint8Array {
  const { version = 1, serviceId = SERVICE_ID, key = SERVICE_KEY, number = 1 } = wrong;
  const serverNonce = (decodeBody(welcome.body) as Value[])[4] as Uint8Array;
  const signed = proofBytes({ side: 'client', serverNonce, clientNonce: CLIENT_NONCE, serviceId });
  const proof = wrong.proof ?? createHmac('sha256', key).update(signed).digest();
  return request(number, { op: OPS.HELLO.op, body: [version, 'raw', serviceId, CLIENT_NONCE, proof] });
}

export function request(number: number, { op = 200, body = [] }: { op?: number; body?: Value[] } = {}): Uint8Array {
  return encodeFrame(KIND.request, op, number, body);
}

export async function readyClient(address: Address, tls?: ConnectionOptions): Promise<RawClient> {
  const client = rawClient(address, tls);
  await client.hello();
  return client;
}

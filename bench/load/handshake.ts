/** A connection of the load process: opened, and with claimd brought to READY. */
import { createHmac, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { decodeBody, encodeFrame } from '../../protocol/codec.ts';
import { type Frame, FrameReader, KIND, PROTOCOL_VERSION } from '../../protocol/frame.ts';
import { proofBytes } from '../../protocol/handshake.ts';
import { LIMITS } from '../../protocol/limits.ts';
import { OPS } from '../../protocol/ops.ts';
import { decodeReply, isSuccess } from '../../protocol/reply.ts';
import type { ServiceCredential } from '../credentials/data-folder.ts';
import { GREETING_BYTES } from './dialects/iproto.ts';
import type { Dialect, Target } from './job.ts';

/** Resolves with a socket on which nothing has been said that is not over. */
export async function openSocket(target: Target, dialect: Dialect): Promise<Socket> {
  const socket = connect({ ...target, noDelay: true });
  await once(socket, 'connect');
  if (dialect.kind === 'claimd') await shakeHands(socket, dialect.credential);
  if (dialect.kind === 'iproto') await greeting(socket);
  return socket;
}

/** Nothing was asked yet, so nothing can follow it. */
async function greeting(socket: Socket): Promise<void> {
  for (let bytes = 0; bytes < GREETING_BYTES; ) {
    const [chunk] = await once(socket, 'data');
    bytes += chunk.length;
  }
}

async function shakeHands(socket: Socket, { serviceId, key }: ServiceCredential): Promise<void> {
  const reader = new FrameReader(LIMITS.frameBytesMax);
  const welcome = decodeBody((await nextFrame(socket, reader)).body) as unknown[];
  const serverNonce = welcome[4] as Uint8Array;
  const clientNonce = randomBytes(LIMITS.nonceBytes);
  const signed = proofBytes({ side: 'client', serverNonce, clientNonce, serviceId });
  const proof = createHmac('sha256', Buffer.from(key, 'base64')).update(signed).digest();
  const hello = [PROTOCOL_VERSION, 'claimd-bench', serviceId, clientNonce, proof];
  socket.write(encodeFrame(KIND.request, OPS.HELLO.op, 1, hello));
  const { kind, body } = await nextFrame(socket, reader);
  const value = decodeBody(body);
  if (kind !== KIND.reply || !isSuccess(decodeReply(value))) throw new Error(`no READY: ${JSON.stringify(value)}`);
}

async function nextFrame(socket: Socket, reader: FrameReader): Promise<Frame> {
  for (;;) {
    const frame = reader.next();
    if (frame !== null) return frame;
    const [chunk] = await once(socket, 'data');
    reader.push(chunk);
  }
}

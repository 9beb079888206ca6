/**
 * A bare echo as a process: the same bytes in and the same number of bytes out as for a claim, and nothing else in between.
 * It is what a server on this transport could do at best, and what the load process can ask at most. Arguments: a mode and
 * what it answers, in base64.
 *
 *     framed    finds each frame and answers a frame with this body
 *     msgpack   the same, and decodes each request and encodes each reply
 *     lines     answers this once for each command of so many bytes (third argument), for Redis's protocol
 */
import { createServer, type Socket } from 'node:net';
import { decodeBody, encodeFrame, type Value } from '../../protocol/codec.ts';
import { type Frame, FrameReader, KIND, PREFIX_BYTES, writePrefix } from '../../protocol/frame.ts';
import { LIMITS } from '../../protocol/limits.ts';
import { frameLengthAt, REQUEST_NUMBER_AT } from '../load/dialects/claim-frames.ts';
import { copiesOf, wholeMessages } from '../load/dialects/dialect.ts';

const [mode = 'framed', base64 = '', bytesText = '0'] = process.argv.slice(2);
const answer = Buffer.from(base64, 'base64');
/** Replies that are built before they are written. */
const ROOM = 1_024;
const OP_AT = 6;

type Serve = (socket: Socket) => (chunk: Buffer) => void;

/** Replies of one length are prebuilt: each costs the writing of what tells it from the others. */
class Replies {
  readonly #socket: Socket;
  readonly #reply: Buffer;
  #room: Buffer;
  #bytes = 0;

  constructor(socket: Socket, reply: Buffer) {
    this.#socket = socket;
    this.#reply = reply;
    this.#room = copiesOf(reply, ROOM);
  }

  add(finish: (room: Buffer, at: number) => void): void {
    finish(this.#room, this.#bytes);
    this.#bytes += this.#reply.length;
    if (this.#bytes === this.#room.length) this.flush();
  }

  flush(): void {
    if (this.#bytes > 0) this.#socket.write(this.#room.subarray(0, this.#bytes));
    this.#bytes = 0;
    if (this.#socket.writableLength > 0) this.#room = copiesOf(this.#reply, ROOM);
  }
}

function framed(socket: Socket) {
  const reply = Buffer.concat([Buffer.alloc(PREFIX_BYTES), answer]);
  writePrefix(reply, KIND.reply, 0, 0);
  const replies = new Replies(socket, reply);
  const read = wholeMessages(frameLengthAt, (bytes, at) => {
    replies.add((room, to) => {
      room[to + OP_AT] = bytes[at + OP_AT] as number;
      room.writeUInt32BE(bytes.readUInt32BE(at + REQUEST_NUMBER_AT), to + REQUEST_NUMBER_AT);
    });
  });
  return (chunk: Buffer) => {
    read(chunk, NOBODY);
    replies.flush();
  };
}

function lines(socket: Socket) {
  const commandBytes = Number(bytesText);
  const replies = new Replies(socket, answer);
  let unread = 0;
  return (chunk: Buffer) => {
    unread += chunk.length;
    for (; unread >= commandBytes; unread -= commandBytes) replies.add(() => {});
    replies.flush();
  };
}

function msgpack(socket: Socket) {
  const value = decodeBody(answer) as Value[];
  const reader = new FrameReader(LIMITS.frameBytesMax);
  const reply = ({ op, number, body }: Frame) => {
    decodeBody(body);
    return encodeFrame(KIND.reply, op, number, value);
  };
  return (chunk: Buffer) => {
    reader.push(chunk);
    const replies: Uint8Array[] = [];
    for (let frame = reader.next(); frame !== null; frame = reader.next()) replies.push(reply(frame));
    if (replies.length > 0) socket.write(Buffer.concat(replies));
  };
}

const NOBODY = { counted() {}, settled() {} };
const MODES: Readonly<Record<string, Serve>> = { framed, lines, msgpack };
const serve = MODES[mode];
if (serve === undefined) throw new Error(`no mode ${mode}`);

const server = createServer((socket) => {
  socket.setNoDelay(true);
  socket.on('error', () => socket.destroy());
  socket.on('data', serve(socket));
});
server.listen({ port: 0, host: '127.0.0.1', backlog: 1_024 }, () => {
  const address = server.address();
  if (typeof address === 'object') process.stdout.write(`echo ready tcp=127.0.0.1:${address?.port}\n`);
});
process.on('SIGTERM', () => process.exit(0));

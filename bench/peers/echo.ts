/**
 * A bare framed echo as a process: the same bytes in and the same number of bytes out as for a claim, and nothing else in
 * between. It is what a server on this transport could do at best. Arguments: `framed`, or `msgpack` to decode each
 * request and encode each reply as well; then the reply's body in base64.
 */
import { createServer, type Socket } from 'node:net';
import { decodeBody, encodeFrame, type Value } from '../../protocol/codec.ts';
import { type Frame, FrameReader, KIND, PREFIX_BYTES, writePrefix } from '../../protocol/frame.ts';
import { LIMITS } from '../../protocol/limits.ts';

const [mode = 'framed', base64 = ''] = process.argv.slice(2);
const body = Buffer.from(base64, 'base64');
const value = decodeBody(body) as Value[];
const prebuilt = Buffer.concat([Buffer.alloc(PREFIX_BYTES), body]);

function echoed({ op, number }: Frame): Uint8Array {
  const reply = Buffer.from(prebuilt);
  writePrefix(reply, KIND.reply, op, number);
  return reply;
}

function reencoded({ op, number, body: request }: Frame): Uint8Array {
  decodeBody(request);
  return encodeFrame(KIND.reply, op, number, value);
}

const answer = mode === 'msgpack' ? reencoded : echoed;

function serve(socket: Socket): void {
  const reader = new FrameReader(LIMITS.frameBytesMax);
  socket.setNoDelay(true);
  socket.on('error', () => socket.destroy());
  socket.on('data', (chunk) => {
    reader.push(chunk);
    const replies: Uint8Array[] = [];
    for (let frame = reader.next(); frame !== null; frame = reader.next()) replies.push(answer(frame));
    if (replies.length > 0) socket.write(replies.length === 1 ? (replies[0] as Uint8Array) : Buffer.concat(replies));
  });
}

const server = createServer(serve).listen(0, '127.0.0.1', () => {
  const address = server.address();
  if (typeof address === 'object') process.stdout.write(`echo ready tcp=127.0.0.1:${address?.port}\n`);
});
process.on('SIGTERM', () => process.exit(0));

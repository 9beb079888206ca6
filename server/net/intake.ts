/**
 * How bytes come from an accepted socket. A plain one is read into one buffer that all of them share, because a buffer for
 * each read, and the stream around it, cost more than most of what a claim needs; TLS and a Node that does not give its
 * handle come chunk by chunk. Either way a chunk holds only until `take` returns.
 */
import { type OnReadOpts, type Server, Socket } from 'node:net';

const READ_BYTES = 65_536;
/** Filled by one read and emptied before the next, whichever socket's it is. */
const shared = Buffer.allocUnsafeSlow(READ_BYTES);

/** What Node keeps in an accepted socket; not public, so none of it is taken for granted. */
type Inside = { _handle?: { useUserBuffer?: unknown } | null; _server?: Server | null };

/** The socket to use from now on, with its bytes for `take`. `accepted` was made paused, and nothing was read from it. */
export function intakeOf(accepted: Socket, take: (chunk: Uint8Array) => void): Socket {
  const inside = accepted as unknown as Inside;
  const handle = inside._handle;
  if (typeof handle?.useUserBuffer !== 'function' || 'encrypted' in accepted) {
    return accepted.on('data', take).resume();
  }
  const callback: OnReadOpts['callback'] = (bytes, buffer) => {
    take(buffer.subarray(0, bytes));
    return true;
  };
  const socket = new Socket({ handle, onread: { buffer: shared, callback } } as object);
  const own = socket as unknown as Inside;
  // The server counts its sockets, and ends when the last has.
  own._server = inside._server ?? null;
  inside._server = null;
  inside._handle = null;
  return socket.resume();
}

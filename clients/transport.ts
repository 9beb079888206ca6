/** Opens the socket of one connection: TCP, or TLS on the same code path. */
import { connect as connectTcp, isIP, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { Server, TlsSettings } from './options.ts';

/** The returned socket is not open yet: `onOpen` runs when bytes may be written, after the TLS handshake. */
export function openSocket({ host, port }: Server, tls: TlsSettings | undefined, onOpen: () => void): Socket {
  if (tls === undefined) return tuned(connectTcp({ host, port }, onOpen));
  const { secureContext, rejectUnauthorized } = tls;
  // An IP address is no server name; the certificate is checked against `host` then.
  const servername = tls.servername ?? (isIP(host) === 0 ? host : undefined);
  const names = servername === undefined ? {} : { servername };
  return tuned(connectTls({ host, port, secureContext, rejectUnauthorized, ...names }, onOpen));
}

/** Requests of one turn leave in one write already: waiting for more would only delay them. */
function tuned(socket: Socket): Socket {
  return socket.setNoDelay(true).setKeepAlive(true);
}

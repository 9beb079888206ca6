/** Sends bytes to an edge, a write for each piece, and gives everything that comes back until the edge closes. */
import { connect } from 'node:net';

export function answerTo(port: number, ...pieces: string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => pieces.map((piece) => socket.write(piece)));
    let received = '';
    socket.on('data', (chunk) => {
      received += chunk;
    });
    socket.on('error', reject);
    socket.on('close', () => resolve(received));
  });
}

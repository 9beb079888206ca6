/** A live socket as a player's tab holds it: signed in, and open until somebody closes it. */
import { once } from 'node:events';
import { WebSocket } from 'ws';

const WAIT_MS_MAX = 10_000;

export type Closed = { code: number; atMs: number };

export class LiveTab {
  /** With the code, and when by the monotonic clock; rejects when it stays open for too long. */
  readonly closed: Promise<Closed>;
  readonly #socket: WebSocket;

  constructor(socket: WebSocket) {
    this.#socket = socket;
    this.closed = once(socket, 'close').then(([code]) => ({ code: code as number, atMs: performance.now() }));
  }

  /** Resolves when the edge has said that it is ready. */
  static async open(address: string, accessToken: string): Promise<LiveTab> {
    const socket = new WebSocket(`ws://${address}/v1/live`, { perMessageDeflate: false });
    await once(socket, 'open');
    const tab = new LiveTab(socket);
    const first = once(socket, 'message', { signal: AbortSignal.timeout(WAIT_MS_MAX) });
    socket.send(JSON.stringify({ type: 'hello', accessToken }));
    const [data] = await first;
    const { type } = JSON.parse(String(data));
    if (type !== 'ready') throw new Error(`${address}: ${type} in place of ready`);
    return tab;
  }

  cut(): void {
    this.#socket.terminate();
  }
}

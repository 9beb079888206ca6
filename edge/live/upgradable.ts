/**
 * Which requests may become WebSockets. Once a server listens for upgrades, node hands it every request that offers one,
 * body unread, and many HTTP clients offer `h2c` with each request (Java's does so by default). So all but a GET of the
 * live channel for a WebSocket read as requests that offer nothing, and are answered as such.
 */
import { IncomingMessage } from 'node:http';

export const LIVE_PATH = '/v1/live';

export class UpgradableMessage extends IncomingMessage {
  #isOffered = false;

  /** Set by node from the request's head; read by node before anybody else sees the request. */
  get upgrade(): boolean {
    const isLive = this.method === 'GET' && this.url?.split('?', 1)[0] === LIVE_PATH;
    return this.#isOffered && isLive && this.headers.upgrade?.toLowerCase() === 'websocket';
  }

  set upgrade(isOffered: boolean) {
    // The constructor of node's own class sets it too, before there is anything to write to.
    if (#isOffered in this) this.#isOffered = isOffered;
  }
}

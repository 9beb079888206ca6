/** The seam between sockets and the route: what a handler gets and what it gives. Types only. */
import type { Frame } from '../../protocol/frame.ts';
import type { Service } from '../session/principal.ts';

/** The other end of a connection that is READY. */
export type Peer = {
  /** Who proved themselves. */
  readonly service: Service;
  /** False once the connection is closing or gone: work that only it waits for may be dropped. */
  readonly isOpen: boolean;
  /**
   * Queues a whole reply frame (from `encodeFrame`) for request `number`; it leaves with the next flush. Does nothing
   * once the connection is gone. Throws when no request of that number is in flight, which is a bug of the caller.
   */
  reply(number: number, frame: Uint8Array): void;
  /** Queues a notice frame. Does nothing once the connection is gone. */
  notify(frame: Uint8Array): void;
};

export type RequestHandler = {
  /**
   * Takes a request; its number is in flight until `peer.reply`. The frame's body aliases the bytes that were read:
   * it may be kept, but keeps up to 64 KiB of its neighbours alive.
   */
  request(peer: Peer, frame: Frame): void;
  /** True while everything is full: connections are then not read until a flush finds it false again. */
  isFull?(): boolean;
};

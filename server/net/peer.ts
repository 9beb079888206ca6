/** The seam between sockets and the route: what a handler gets and what it gives. Types only. */
import type { Frame, FrameInPlace } from '../../protocol/frame.ts';
import type { Service } from '../session/principal.ts';

/** The other end of a connection that is READY. */
export type Peer = {
  /** Who proved themselves. */
  readonly service: Service;
  /** False once the connection is closing or gone: work that only it waits for may be dropped. */
  readonly isOpen: boolean;
  /**
   * Says that request `number`, no CLAIM, holds so many claims, which count until its reply. False when the peer has now more in
   * flight than READY agreed to: the connection is closed, and nothing more is to be done for the request.
   */
  weigh(number: number, claims: number): boolean;
  /**
   * Queues a whole reply frame (from `encodeFrame`) for request `number`; it leaves with the next flush. Does nothing
   * once the connection is gone. Throws when no request of that number is in flight, which is a bug of the caller.
   */
  reply(number: number, frame: Uint8Array): void;
  /**
   * The same without a frame of its own: room for `bytes` of it, which the caller fills before it calls anything else
   * here, at the returned byte of `outgoing`; -1 once the connection is gone.
   */
  reserve(number: number, bytes: number): number;
  /** Another one after each `reserve`. */
  readonly outgoing: Buffer;
  /** Queues a notice frame. Does nothing once the connection is gone. */
  notify(frame: Uint8Array): void;
};

export type RequestHandler = {
  /** Bytes in which whole frames begin have come, and their frames are about to be handed over. They may be anything. */
  foresee?(bytes: Uint8Array): void;
  /** Takes a request where it lies, if it is of the kind that comes by the hundred thousand; false: nothing has happened. */
  take?(peer: Peer, frame: FrameInPlace): boolean;
  /**
   * Takes a request; its number is in flight until `peer.reply`. The frame's body aliases the bytes that were read:
   * it may be kept, but keeps up to 64 KiB of its neighbours alive.
   */
  request(peer: Peer, frame: Frame): void;
  /** True while everything is full: connections are then not read until a flush finds it false again. */
  isFull?(): boolean;
};

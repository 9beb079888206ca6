/** The protocol's door for clients in other packages. */
export * from './accounts.ts';
export * from './claim.ts';
export { decodeBody, encodeFrame, type Value, wide, widen } from './codec.ts';
export * from './errors.ts';
export * from './event.ts';
export * from './frame.ts';
export * from './handshake.ts';
export * from './key.ts';
export * from './limits.ts';
export * from './ops.ts';
export * from './ready.ts';
export * from './reply.ts';
export * from './results.ts';
export type { Runtime } from './runtime.ts';
export { BodyRefused } from './scan.ts';
export * from './sendable.ts';
export * from './shape.ts';

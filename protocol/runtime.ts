/**
 * Time, timers and chance as parameters: whoever composes a program hands them in, so that a simulator can run client,
 * server and store on virtual time. Deadlines and leases use the monotonic clock, because the wall clock may jump.
 */
export type Runtime = {
  /** Milliseconds, fractional, that never go back; the origin means nothing. */
  monotonicMs(): number;
  /** Milliseconds since 1970-01-01 UTC by this machine; may jump. */
  wallMs(): number;
  /** Runs once after `ms`; the returned function cancels. Does not keep a process alive. */
  after(ms: number, run: () => void): () => void;
  /** Runs after the input that is waiting now has been read. */
  soon(run: () => void): void;
  randomBytes(length: number): Uint8Array;
  /** In [0, 1). */
  random(): number;
};

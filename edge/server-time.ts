/**
 * What o'clock it is for access tokens: the servers' time, as the last one said when it took this edge's connection,
 * carried on by the monotonic clock. Until one has said so, this machine's clock as it stood at the start. Invariant: a
 * wall clock that jumps neither ends a token nor brings one back.
 */
import type { ConnectionChange } from '../clients/closing.ts';
import type { Runtime } from '../protocol/runtime.ts';

export class ServerTime {
  readonly #runtime: Runtime;
  #originMs: number;

  /** The Runtime of the client that the servers talk to: both must count from the same origin. */
  constructor(runtime: Runtime) {
    this.#runtime = runtime;
    this.#originMs = runtime.wallMs() - runtime.monotonicMs();
  }

  /** Of the client's connections. */
  onState(change: ConnectionChange): void {
    if (change.state === 'ready') this.#originMs = change.timeOriginMs;
  }

  /** Milliseconds since 1970-01-01 UTC, an integer. */
  nowMs(): number {
    return Math.floor(this.#originMs + this.#runtime.monotonicMs());
  }
}

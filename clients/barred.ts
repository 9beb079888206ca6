/**
 * Servers that MOVED has named and that could not be used, each with how long it is left alone: as exponentially as a
 * configured one, however many calls are sent there meanwhile. Its memory is bounded: who is forgotten is tried at once.
 */
import type { Runtime } from '../protocol/runtime.ts';
import { jitterMs, RECONNECT } from './retry.ts';

const SERVERS_MAX = 64;

export class Barred {
  readonly #runtime: Runtime;
  readonly #servers = new Map<string, { failures: number; until: number }>();

  constructor(runtime: Runtime) {
    this.#runtime = runtime;
  }

  /** Its connection ended, `livedMs` after it had become ready; 0 when it never did. */
  fail(address: string, livedMs: number): void {
    const before = this.#servers.get(address)?.failures ?? 0;
    const failures = livedMs >= RECONNECT.maxMs ? 0 : before + 1;
    this.#servers.delete(address);
    const [oldest] = this.#servers.keys();
    if (this.#servers.size >= SERVERS_MAX && oldest !== undefined) this.#servers.delete(oldest);
    const until = this.#runtime.monotonicMs() + jitterMs(RECONNECT, failures, this.#runtime);
    this.#servers.set(address, { failures, until });
  }

  /** Whether it is too early to connect there. */
  has(address: string): boolean {
    return this.#runtime.monotonicMs() < (this.#servers.get(address)?.until ?? 0);
  }
}

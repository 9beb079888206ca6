/**
 * What others notice of an attack: well-behaved clients that claim at a steady rate and write down how long each answer
 * took, and the memory of the attacked process.
 */
import { readFile } from 'node:fs/promises';
import type { Client } from '../../../clients/index.ts';

const CLAIM_EVERY_MS = 5;
/** The same users again and again, so that the load itself makes nothing grow. */
const USERS = 500;
const MEMORY_EVERY_MS = 50;

export class Witness {
  readonly #clients: readonly Client[];
  readonly #pid: number;
  #latenciesMs: number[] = [];
  #rssBytesMax = 0;
  #failures: string[] = [];
  #asked = 0;
  #timers: NodeJS.Timeout[] = [];

  constructor(clients: readonly Client[], pid: number) {
    this.#clients = clients;
    this.#pid = pid;
  }

  start(): void {
    this.#timers = [
      setInterval(() => void this.#claim(), CLAIM_EVERY_MS),
      setInterval(() => void this.#weigh(), MEMORY_EVERY_MS),
    ];
  }

  stop(): void {
    for (const timer of this.#timers) clearInterval(timer);
  }

  /** Forgets what was measured so far. Bytes of the process as it is now. */
  async begin(): Promise<number> {
    this.#latenciesMs = [];
    this.#failures = [];
    this.#rssBytesMax = 0;
    return rssBytesOf(this.#pid);
  }

  get latencyMsP99(): number {
    const sorted = this.#latenciesMs.toSorted((one, other) => one - other);
    return sorted[Math.ceil(sorted.length * 0.99) - 1] ?? Number.POSITIVE_INFINITY;
  }

  get claims(): number {
    return this.#latenciesMs.length;
  }

  get rssBytesMax(): number {
    return this.#rssBytesMax;
  }

  /** Outcomes that a well-behaved client must not get. */
  get failures(): readonly string[] {
    return this.#failures;
  }

  async #claim(): Promise<void> {
    const n = this.#asked++;
    const userId = `honest${n % USERS}`;
    const client = this.#clients[n % this.#clients.length] as Client;
    const sentAtMs = performance.now();
    const { code } = await client.claim({ eventKey: 'open', userId, requestId: `honest-${userId}`, retry: 'never' });
    this.#latenciesMs.push(performance.now() - sentAtMs);
    if (code !== 'GRANTED' && code !== 'REPLAYED') this.#failures.push(code);
  }

  async #weigh(): Promise<void> {
    this.#rssBytesMax = Math.max(this.#rssBytesMax, await rssBytesOf(this.#pid).catch(() => 0));
  }
}

/** Resident memory by Linux's own books. */
async function rssBytesOf(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]) * 1_024;
}

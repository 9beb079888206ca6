/** What others notice of an attack: the waiting of well-behaved clients, and the memory of the attacked process. */
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import type { ServiceCredential } from '../../credentials/data-folder.ts';
import { type Child, type Processes, script } from '../../processes/child.ts';
import type { ServerProcess } from '../server-process.ts';

export type WitnessOrder =
  | { kind: 'start'; servers: string; service: ServiceCredential }
  /** Forget what was measured so far. */
  | { kind: 'count' }
  | { kind: 'end' };

export type WitnessReport = {
  claims: number;
  latencyMsP99: number;
  latencyMsMax: number;
  /** Answers of the whole time by code. */
  codes: Record<string, number>;
};

const MEMORY_EVERY_MS = 50;

export class Witness {
  readonly #child: Child;
  readonly #pid: number;
  #rssBytesBefore = 0;
  #rssBytesMax = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(child: Child, pid: number) {
    this.#child = child;
    this.#pid = pid;
  }

  /** Its clients begin to claim; the event `open` must be there. */
  static async start(processes: Processes, server: ServerProcess): Promise<Witness> {
    const program = script('bench/soak/hostile/witness-process.ts');
    const child = await processes.start({ name: 'witness', ...program, ready: /witness ready\n/, channel: 'ipc' });
    const witness = new Witness(child, server.pid);
    witness.#tell({ kind: 'start', servers: server.address, service: server.service });
    return witness;
  }

  /** From now on it counts. */
  async count(): Promise<void> {
    this.#tell({ kind: 'count' });
    this.#rssBytesBefore = await rssBytesOf(this.#pid);
    this.#rssBytesMax = this.#rssBytesBefore;
    this.#timer = setInterval(() => void this.#weigh(), MEMORY_EVERY_MS);
  }

  /** Most that was seen above what there was at `count`, in bytes. */
  get rssBytesGrown(): number {
    return this.#rssBytesMax - this.#rssBytesBefore;
  }

  async end(): Promise<WitnessReport> {
    clearInterval(this.#timer);
    const report = once(this.#child.process, 'message');
    this.#tell({ kind: 'end' });
    const [first] = (await report) as [WitnessReport];
    await this.#child.stop();
    return first;
  }

  #tell(order: WitnessOrder): void {
    this.#child.process.send(order);
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

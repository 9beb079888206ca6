/**
 * One claimd under test: the program in a process of its own on a data folder that outlives it, to be killed, frozen and
 * started again.
 */
import { type Client, connect } from '../../clients/index.ts';
import { credentialsOf, type ServiceCredential } from '../credentials/data-folder.ts';
import { type Child, type Processes, script } from '../processes/child.ts';

/** Of its log. */
const LOG_LENGTH_KEPT = 1_048_576;
const PROGRAM = 'server/bin/claimd.ts';
const READY = /claimd ready tcp=(?<tcp>\S+)(?: http=(?<http>\S+))? store=\S+ node=\S+\n/;

export type ServerOptions = {
  /** Its data folder; the embedded store is in there unless `storeUri` names another. */
  data: string;
  storeUri?: string | undefined;
  /** `start` has an edge as well. */
  command?: 'server' | 'start';
  /** Further settings, `--flag` and value in turn. */
  settings?: readonly string[];
  /** The data folder with the keys that it is given by its settings; its own when absent. */
  keysFrom?: string;
};

type Start = { service: ServiceCredential; spawnedAtMs: number };

export class ServerProcess {
  /** `host:port` of its TCP door. */
  readonly address: string;
  /** `host:port` of its HTTP door; empty for a server alone. */
  readonly http: string;
  readonly service: ServiceCredential;
  /** By the monotonic clock, right before it was spawned. */
  readonly spawnedAtMs: number;
  readonly #options: ServerOptions;
  readonly #child: Child;
  #log = '';

  constructor(child: Child, options: ServerOptions, { service, spawnedAtMs }: Start) {
    this.#options = options;
    this.#child = child;
    this.address = child.ready.tcp ?? '';
    this.http = child.ready.http ?? '';
    this.service = service;
    this.spawnedAtMs = spawnedAtMs;
    child.process.stderr?.on('data', (chunk: Buffer) => {
      this.#log = (this.#log + chunk).slice(-LOG_LENGTH_KEPT);
    });
  }

  /** Resolves with its ready line. */
  static async start(processes: Processes, options: ServerOptions): Promise<ServerProcess> {
    const spawnedAtMs = performance.now();
    const name = `claimd on ${options.data}`;
    const child = await processes.start({ name, ...commandOf(options), ready: READY });
    const { service } = await credentialsOf(options.keysFrom ?? options.data);
    return new ServerProcess(child, options, { service, spawnedAtMs });
  }

  /** The same once more, when this one is gone; on another port. */
  startAgain(processes: Processes): Promise<ServerProcess> {
    return ServerProcess.start(processes, this.#options);
  }

  get pid(): number {
    return this.#child.pid;
  }

  /** What it has logged since it was ready, warnings and errors. */
  get log(): string {
    return this.#log;
  }

  get isRunning(): boolean {
    const { exitCode, signalCode } = this.#child.process;
    return exitCode === null && signalCode === null;
  }

  /** A client that is connected; the caller closes it. */
  connect({ connections = 1 }: { connections?: number } = {}): Promise<Client> {
    const { serviceId, key } = this.service;
    return connect({ servers: this.address, serviceId, serviceKey: key, connections });
  }

  /** Runs `use` with a client of its own. */
  async with<T>(use: (client: Client) => Promise<T>): Promise<T> {
    const client = await this.connect({ connections: 2 });
    try {
      return await use(client);
    } finally {
      client.close();
    }
  }

  kill(): Promise<void> {
    return this.#child.kill();
  }

  stop(): Promise<void> {
    return this.#child.stop();
  }

  freeze(): void {
    process.kill(this.pid, 'SIGSTOP');
  }

  thaw(): void {
    process.kill(this.pid, 'SIGCONT');
  }
}

/** The program and its arguments on free ports. */
export function commandOf({ data, storeUri, command = 'server', settings = [] }: ServerOptions) {
  const ports = ['--tcp', '127.0.0.1:0', '--http', '127.0.0.1:0'];
  const store = ['--store', storeUri ?? `lmdb:${data}`];
  return script(
    PROGRAM,
    command,
    '--data',
    data,
    ...store,
    ...ports,
    '--log-level',
    'warn',
    '--demo',
    'off',
    ...settings,
  );
}

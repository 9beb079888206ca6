/**
 * One mongod as a child of the test, on 127.0.0.1, with its data in a folder of its own. It cannot outlive the test: a
 * subshell beside it reads a pipe from the test process and kills mongod when that pipe ends, even by kill -9.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readFile } from 'node:fs/promises';
import { connect, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

/**
 * The subshell is started first and the shell then becomes mongod, so the child's pid is mongod's own and there is no
 * moment in which mongod runs unwatched. A line on the pipe is the orderly end, its bare end is the test's death.
 */
const WATCHED = `
( read -r orderly <&3 || { kill -9 $$; sleep 1; rm -rf "$1"; rmdir "$(dirname "$1")"; } ) 2>/dev/null &
exec 3<&-
shift
exec "$@"`;

const READY_MS_MAX = 20_000;
const READY_POLL_MS = 15;

export type MongodOptions = { path: string; folder: string; replicaSet: string | null };

export class MongodProcess {
  readonly port: number;
  readonly #options: MongodOptions;
  #child: ChildProcess | null = null;

  constructor(port: number, options: MongodOptions) {
    this.port = port;
    this.#options = options;
  }

  get address(): string {
    return `127.0.0.1:${this.port}`;
  }

  get pid(): number {
    if (this.#child?.pid === undefined) throw new Error(`mongod ${this.port} does not run`);
    return this.#child.pid;
  }

  get dataFolder(): string {
    return join(this.#options.folder, String(this.port));
  }

  /** Resolves when it accepts connections. The data of an earlier start on this port is kept. */
  async start(): Promise<void> {
    const { dataFolder } = this;
    await mkdir(dataFolder, { recursive: true });
    const command = [this.#options.path, ...this.#arguments()];
    const child = spawn('/bin/sh', ['-c', WATCHED, 'sh', dataFolder, ...command], {
      // Not the standard input, which Node ends by itself when the child has exited.
      stdio: ['ignore', 'ignore', 'ignore', 'pipe'],
      // A Ctrl-C is for the test; mongod then ends by the pipe.
      detached: true,
    });
    const leash = child.stdio[3] as Socket;
    leash.on('error', () => {});
    child.once('exit', () => leash.end('orderly\n'));
    this.#child = child;
    const deadline = performance.now() + READY_MS_MAX;
    while (!(await accepts(this.port))) {
      if (child.exitCode !== null || child.signalCode !== null || performance.now() > deadline) {
        child.kill('SIGKILL');
        throw new Error(`mongod did not start: ${await lastError(dataFolder)}`);
      }
      await delay(READY_POLL_MS);
    }
  }

  /** Resolves when it is gone, for a signal that ends it; at once for SIGSTOP and SIGCONT. */
  async kill(signal: NodeJS.Signals): Promise<void> {
    const child = this.#child;
    if (child === null || child.exitCode !== null || child.signalCode !== null) return;
    const isOver = signal === 'SIGSTOP' || signal === 'SIGCONT' ? null : once(child, 'exit');
    child.kill(signal);
    await isOver;
  }

  #arguments(): string[] {
    const { dataFolder } = this;
    const { replicaSet } = this.#options;
    const member = replicaSet === null ? [] : ['--replSet', replicaSet, '--oplogSize', '512'];
    return [
      ...['--dbpath', dataFolder, '--logpath', join(dataFolder, 'mongod.log'), '--slowms', '60000', '--nounixsocket'],
      ...['--bind_ip', '127.0.0.1', '--port', String(this.port), '--wiredTigerCacheSizeGB', '0.5'],
      ...['--setParameter', 'diagnosticDataCollectionEnabled=false', ...member],
    ];
  }
}

/** A port that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1' });
    const settle = (answer: boolean) => {
      socket.destroy();
      resolve(answer);
    };
    socket.once('connect', () => settle(true));
    socket.once('error', () => settle(false));
  });
}

async function lastError(dataFolder: string): Promise<string> {
  const log = await readFile(join(dataFolder, 'mongod.log'), 'utf8').catch(() => '');
  const lines = log.trim().split('\n');
  return lines.findLast((line) => /"s":"[EF]"/.test(line)) ?? lines.at(-1) ?? 'no log';
}

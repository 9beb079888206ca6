/**
 * Real programs as children: started, awaited until they say that they are ready, stopped by their own id. Invariant:
 * what was started here ends with this process, whether it ends well or not.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const READY_MS_MAX = 60_000;
const STOP_MS_MAX = 10_000;
const OUTPUT_KEPT = 4_096;

export type Program = {
  /** For messages. */
  name: string;
  command: string;
  args: readonly string[];
  /** What it prints when it is ready. */
  ready: RegExp;
  /** Cores it may use, as `taskset` writes them; undefined for all. */
  cores?: string | undefined;
  env?: Readonly<Record<string, string>>;
  channel?: 'ipc';
  /** A program that comes to an end, which is not worth a word then. */
  ends?: 'by itself';
  /** Another user to run as, for programs that refuse to be root. */
  uid?: number;
  gid?: number;
};

/** A script of this tree, run as this one is: from its source through a loader, or compiled. */
export function script(path: string, ...args: readonly string[]): Pick<Program, 'command' | 'args'> {
  const isSource = extname(import.meta.url) === '.ts';
  const file = isSource ? path : path.replace(/\.ts$/, '.js');
  return { command: process.execPath, args: [...(isSource ? ['--import', 'tsx'] : []), `${ROOT}${file}`, ...args] };
}

export class Child {
  readonly name: string;
  readonly process: ChildProcess;
  /** The groups of the ready pattern; null until it was ready. */
  groups: Readonly<Record<string, string>> | null = null;
  #isStopping = false;

  constructor(name: string, child: ChildProcess, ends?: 'by itself') {
    this.name = name;
    this.process = child;
    child.once('exit', (code, signal) => {
      if (this.#isStopping || this.groups === null || ends !== undefined) return;
      process.stderr.write(`${name} ended by itself: ${signal ?? `exit code ${code}`}\n`);
    });
  }

  /** What the ready line said. */
  get ready(): Readonly<Record<string, string>> {
    if (this.groups === null) throw new Error(`${this.name} is not ready`);
    return this.groups;
  }

  get pid(): number {
    return this.process.pid as number;
  }

  /** SIGTERM, then SIGKILL. Resolves when it is gone; a second call changes nothing. */
  async stop(): Promise<void> {
    const child = this.process;
    this.#isStopping = true;
    if (hasEnded(child)) return;
    const gone = once(child, 'exit');
    child.kill('SIGTERM');
    const alarm = setTimeout(() => child.kill('SIGKILL'), STOP_MS_MAX);
    await gone;
    clearTimeout(alarm);
  }

  /** SIGKILL, with no time to put anything in order. Resolves when it is gone. */
  async kill(): Promise<void> {
    this.#isStopping = true;
    if (hasEnded(this.process)) return;
    const gone = once(this.process, 'exit');
    this.process.kill('SIGKILL');
    await gone;
  }
}

/** Starts children and ends those that are left. */
export class Processes {
  readonly #children = new Set<Child>();

  constructor() {
    process.on('exit', () => {
      for (const child of this.#children) child.process.kill('SIGKILL');
    });
  }

  /** Resolves when it is ready. Rejects with its last output when it ends or stays silent instead. */
  async start(program: Program): Promise<Child> {
    const { name, cores } = program;
    const pinned = cores === undefined ? [] : ['taskset', '-c', cores];
    const [command, ...args] = [...pinned, program.command, ...program.args] as [string, ...string[]];
    const stdio = ['pipe', 'pipe', 'pipe', ...(program.channel === undefined ? [] : [program.channel])] as const;
    const env = { ...environment(), ...program.env };
    const { uid, gid } = program;
    // Another user may not be able to enter this tree.
    const cwd = uid === undefined ? ROOT : '/';
    const started = spawn(command, args, { cwd, stdio: [...stdio], env, uid, gid });
    const child = new Child(name, started, program.ends);
    this.#children.add(child);
    started.once('exit', () => this.#children.delete(child));
    child.groups = await readiness(started, program);
    return child;
  }

  /** Stops all that run, the last that was started first. Others may be started after. */
  async close(): Promise<void> {
    for (const child of [...this.#children].reverse()) await child.stop();
  }
}

async function readiness(child: ChildProcess, { name, ready }: Program): Promise<Record<string, string>> {
  let output = '';
  const { promise, resolve, reject } = deferred<Record<string, string>>();
  const fail = (reason: string) => reject(new Error(`${name} ${reason}: ${output.trim().slice(-OUTPUT_KEPT)}`));
  const onOutput = (chunk: Buffer) => {
    output = (output + chunk).slice(-OUTPUT_KEPT);
    const found = ready.exec(output);
    if (found !== null) resolve(found.groups ?? {});
  };
  // The listeners stay: a child whose output nobody reads comes to a halt.
  child.stdout?.on('data', onOutput);
  child.stderr?.on('data', onOutput);
  child.once('error', (error) => fail(`cannot be started: ${error.message}`));
  child.once('exit', (code, signal) => fail(`ended before it was ready with ${signal ?? `exit code ${code}`}`));
  const alarm = setTimeout(() => {
    child.kill('SIGKILL');
    fail(`was not ready after ${READY_MS_MAX} ms`);
  }, READY_MS_MAX);
  try {
    return await promise;
  } finally {
    clearTimeout(alarm);
  }
}

function deferred<T>() {
  let resolve: (value: T) => void = () => {};
  let reject: (reason: Error) => void = () => {};
  const promise = new Promise<T>((onValue, onReason) => {
    resolve = onValue;
    reject = onReason;
  });
  return { promise, resolve, reject };
}

/** Settings in the caller's environment are for the caller's claimd. */
function environment(): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(
    ([name]) => !name.startsWith('CLAIMD_') || name.startsWith('CLAIMD_TEST_'),
  );
  return Object.fromEntries(kept);
}

function hasEnded(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null;
}

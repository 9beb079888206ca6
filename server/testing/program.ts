/** The real program in a process of its own: started with flags, watched by its lines, ended by its own process group. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { launchOf } from '../../protocol/testing/launch.ts';
import { hasAlive } from './alive.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const FREE_PORTS = ['--tcp', '127.0.0.1:0', '--http', '127.0.0.1:0'];
const CLAIMD = [process.execPath, ...launchOf('../bin/claimd.ts', import.meta.url)];

export type Exit = { code: number | null; signal: string | null; stdout: string; stderr: string };
export type Running = {
  child: ChildProcess;
  /** The first line of stdout that begins so. Rejects when the program ends before. */
  line(prefix: string): Promise<string>;
  exit: Promise<Exit>;
  /** To the process itself, as an init system does it. */
  signal(name: NodeJS.Signals): void;
  /** To its whole group, as Ctrl-C does it. */
  signalGroup(name: NodeJS.Signals): void;
  /** False once no process of its group is left. */
  hasProcesses(): boolean;
};

function launch([command = '', ...args]: readonly string[], cwd: string, env: Record<string, string> = {}): Running {
  const clean = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('CLAIMD_')));
  const child = spawn(command, args, {
    cwd,
    env: { ...clean, ...env },
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const output = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8').on('data', (text: string) => {
      output[name] += text;
    });
  }
  const exit = new Promise<Exit>((resolve) => {
    child.on('close', (code, signal) => resolve({ code, signal, ...output }));
  });
  const pid = child.pid as number;
  function line(prefix: string): Promise<string> {
    return new Promise((resolve, reject) => {
      const look = () => {
        const found = output.stdout
          .split('\n')
          .slice(0, -1)
          .find((text) => text.startsWith(prefix));
        if (found !== undefined) resolve(found);
      };
      child.stdout.on('data', look);
      child.on('close', (code) => reject(new Error(`ended with ${code}: ${output.stderr}`)));
      look();
    });
  }
  function send(target: number, name: NodeJS.Signals): boolean {
    try {
      return process.kill(target, name);
    } catch {
      return false;
    }
  }
  return {
    child,
    line,
    exit,
    signal: (name) => send(pid, name),
    signalGroup: (name) => send(-pid, name),
    hasProcesses: () => hasAlive(pid),
  };
}

export type Programs = {
  folder: string;
  /** One claimd of the test's own; ports are free ones unless the arguments say otherwise. */
  start(args: readonly string[], env?: Record<string, string>): Running;
  /** The same through npm, as a person types it. */
  npmStart(args: readonly string[]): Running;
  /** A program that is installed elsewhere: its own file, and the folder it runs in. */
  startInstalled(file: string, cwd: string, args: readonly string[]): Running;
};

/** A temporary folder and what is started in it; both are gone afterwards, whatever happened. */
export async function withPrograms(body: (programs: Programs) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'claimd-program-'));
  const started: Running[] = [];
  function keep(running: Running): Running {
    started.push(running);
    return running;
  }
  try {
    await body({
      folder,
      start: (args, env = {}) => keep(launch([...CLAIMD, ...FREE_PORTS, ...args], root, env)),
      npmStart: (args) => keep(launch(['npm', 'start', '--silent', '--', ...FREE_PORTS, ...args], root)),
      startInstalled: (file, cwd, args) => keep(launch([process.execPath, file, ...FREE_PORTS, ...args], cwd)),
    });
  } finally {
    for (const running of started) running.signalGroup('SIGKILL');
    await Promise.all(started.map(({ exit }) => exit));
    await rm(folder, { recursive: true, force: true });
  }
}

/** The value of `name=` in a ready line. */
export function valueIn(line: string, name: string): string {
  const found = new RegExp(`(?:^| )${name}=(\\S+)`).exec(line)?.[1];
  if (found === undefined) throw new Error(`no ${name}= in ${line}`);
  return found;
}

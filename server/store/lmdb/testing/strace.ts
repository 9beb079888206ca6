/**
 * Runs a program under strace, as the only witness of what reaches the disk and when: kill -9 cannot tell a synced page
 * from one in the page cache. One thread does all commits, so that the n-th call of a kind is the same one in each run.
 */
import { execFile, execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { launchOf } from '../../../../protocol/testing/launch.ts';

/** A finished system call, in the order of finishing. */
export type Call = { thread: string; name: string; line: string };

const CALLS = 'pwrite64,pwritev,writev,write,fdatasync,fsync,msync';

/** The reason why nothing can be traced here, or null. */
export function straceMissing(): string | null {
  try {
    execFileSync('strace', ['-f', '-o', '/dev/null', 'true'], { stdio: 'ignore' });
    return null;
  } catch {
    return 'strace is not installed or may not trace here';
  }
}

/** Resolves with the program's output and its calls; `inject` is strace's own syntax for a fault. */
export async function traced(
  folder: string,
  { program, args, inject, calls = CALLS }: { program: string; args: string[]; inject?: string; calls?: string },
): Promise<{ output: string; calls: Call[] }> {
  const trace = join(folder, 'trace');
  const { stdout } = await promisify(execFile)(
    'strace',
    [
      ...['-f', '-q', '-s', '65536', '-o', trace, '-e', `trace=${calls}`, '-e', 'signal=none'],
      ...(inject === undefined ? [] : ['-e', `inject=${inject}`]),
      ...[process.execPath, ...launchOf(program, import.meta.url), ...args],
    ],
    { env: { ...process.env, UV_THREADPOOL_SIZE: '1' } },
  );
  return { output: stdout, calls: callsOf(readFileSync(trace, 'latin1')) };
}

/** Joins `name(args <unfinished ...>` with `<... name resumed>rest`. */
function callsOf(trace: string): Call[] {
  const begun = new Map<string, string>();
  const calls: Call[] = [];
  for (const text of trace.split('\n')) {
    const [, thread = '', rest = ''] = /^(\d+) +(.*)$/.exec(text) ?? [];
    if (rest.endsWith('<unfinished ...>')) {
      begun.set(thread, rest.slice(0, -'<unfinished ...>'.length));
      continue;
    }
    const line = rest.replace(/^<\.\.\. \w+ resumed>/, () => begun.get(thread) ?? '');
    const name = /^(\w+)\(/.exec(line)?.[1];
    if (name !== undefined) calls.push({ thread, name, line });
  }
  return calls;
}

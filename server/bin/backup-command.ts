/**
 * `claimd backup DIR`: has the running server copy its store and asks how far it is until it is done. Ctrl-C ends the
 * asking; the server goes on with the copy.
 */
import { resolve } from 'node:path';
import { EXIT } from '../../clients/cli.ts';
import { type Client, problemJson } from '../../clients/index.ts';
import { Progress, type ProgressSink } from '../../clients/progress.ts';
import { isSuccess, type Problem } from '../../protocol/reply.ts';
import type { Result } from '../../protocol/results.ts';
import type { Runtime } from '../../protocol/runtime.ts';

const ASK_MS = 200;
const ID_BYTES = 16;

export type BackupOptions = {
  client: Pick<Client, 'request'>;
  directory: string;
  runtime: Runtime;
  sink: ProgressSink;
  print: (text: string) => void;
  stop: AbortSignal;
};

export async function backUp({ client, directory, runtime, sink, print, stop }: BackupOptions): Promise<number> {
  // As it is meant here; the server may have been started in another folder.
  const path = resolve(directory);
  const backupId = Buffer.from(runtime.randomBytes(ID_BYTES)).toString('hex');
  const progress = new Progress({ runtime, sink, label: 'backup', unit: 'bytes' });
  while (!stop.aborted) {
    const reply = await client.request('BACKUP', [null, path, backupId]);
    if (!isSuccess(reply)) return failed(print, reply);
    const [state, phase, bytes, bytesTotal, claims, detail] = reply.result as Result<'BACKUP'>;
    const step = { done: bytes, total: phase === 'journal' ? bytesTotal : null, items: bytes };
    if (state === 'RUNNING') {
      progress.show(step);
      await new Promise<void>((done) => runtime.after(ASK_MS, done));
      continue;
    }
    progress.end({ ...step, total: bytes });
    if (state === 'FAILED') return failed(print, { code: 'INTERNAL', detail: detail ?? 'it failed' });
    print(`${JSON.stringify({ directory: path, claims, bytes }, null, 2)}\n`);
    return EXIT.done;
  }
  return EXIT.failed;
}

function failed(print: (text: string) => void, problem: Problem): number {
  print(`${JSON.stringify(problemJson(problem), null, 2)}\n`);
  return EXIT.failed;
}

/** The load process as its owner sees it: a job in, a result out. */
import { once } from 'node:events';
import type { Job, JobResult } from '../load/job.ts';
import { type Child, type Processes, script } from './child.ts';

export class Generator {
  readonly #child: Child;

  constructor(child: Child) {
    this.#child = child;
  }

  static async start(processes: Processes, cores: string | undefined): Promise<Generator> {
    const program = {
      name: 'load',
      ...script('bench/load/process.ts'),
      ready: /load ready\n/,
      channel: 'ipc',
    } as const;
    return new Generator(await processes.start({ ...program, cores }));
  }

  /** One job at a time. Rejects when the job failed. */
  async run(job: Job): Promise<JobResult> {
    const child = this.#child.process;
    const settled = new AbortController();
    const { signal } = settled;
    const answer = once(child, 'message', { signal }) as Promise<[{ result: JobResult } | { error: string }]>;
    const death = once(child, 'exit', { signal }).then(() => [{ error: 'it ended' }] as [{ error: string }]);
    child.send(job);
    const [message] = await Promise.race([answer, death]);
    // The one that lost the race ends here; nobody waits for it any more.
    for (const loser of [answer, death]) loser.catch(() => {});
    settled.abort();
    if ('error' in message) throw new Error(`load on ${job.target.host}:${job.target.port}: ${message.error}`);
    return message.result;
  }

  stop(): Promise<void> {
    return this.#child.stop();
  }
}

/** The load process: jobs in, results out, one at a time, until the process that started it goes away. */
import type { Job } from './job.ts';
import { runJob } from './run-job.ts';

process.on('message', (job: Job) => {
  runJob(job).then(
    (result) => process.send?.({ result }),
    (error: unknown) => process.send?.({ error: error instanceof Error ? error.message : String(error) }),
  );
});
process.on('disconnect', () => process.exit(0));
process.stdout.write('load ready\n');

/**
 * Starts a file of a store's own as a thread. A thread inherits no loader for TypeScript: where this tree runs from its
 * sources, it registers the one that they run with.
 */
import { extname } from 'node:path';
import { Worker } from 'node:worker_threads';

/** Claims are answered first where there are fewer cores than threads. */
const NICENESS = 10;

/** The system call means the thread that makes it on Linux and the whole process elsewhere. */
const PROGRAM = `
const { workerData } = require('node:worker_threads');
if (process.platform === 'linux') require('node:os').setPriority(${NICENESS});
const run = async ({ loader, program }) => {
  if (loader !== null) (await import(loader)).register();
  await import(program);
};
run(workerData);`;

/** `program` is found as `workerData.data` says what it needs. It does not keep the process alive by itself. */
export function startThread(program: URL, data: unknown): Worker {
  const loader = extname(program.pathname) === '.ts' ? import.meta.resolve('tsx/esm/api') : null;
  const worker = new Worker(PROGRAM, { eval: true, workerData: { loader, program: program.href, data } });
  worker.unref();
  return worker;
}

/**
 * Starts a file of this folder as a thread. A thread inherits no loader for TypeScript: where this tree runs from its
 * sources, it registers the one that they run with.
 */
import { extname } from 'node:path';
import { Worker } from 'node:worker_threads';

const PROGRAM = `
const { workerData } = require('node:worker_threads');
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

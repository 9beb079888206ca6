/** Run as a thread by a test: writes a row of its own when it is told to, and wakes whoever waits for the flag. */
import { parentPort, workerData } from 'node:worker_threads';
import { openEnvironment } from '../environment.ts';

const { folder, flag } = workerData.data as { folder: string; flag: Int32Array };
const { root, tables } = openEnvironment(folder);
parentPort?.once('message', async (value: number) => {
  await root.batch(() => tables.meta.put('written', value));
  Atomics.store(flag, 0, 1);
  Atomics.notify(flag, 0);
  await root.close();
});
parentPort?.postMessage('ready');

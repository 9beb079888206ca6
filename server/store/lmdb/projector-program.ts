/** Run as a thread by `projector.ts`: projects the log on disk into the environment of the store. */
import { parentPort, workerData } from 'node:worker_threads';
import { readLog } from '../log/walk.ts';
import { serveProjections } from './projection-port.ts';

export type ProjectorData = {
  /** Of the environment. */
  folder: string;
  /** Of the log. */
  journal: string;
};

const { folder, journal } = workerData.data as ProjectorData;
if (parentPort === null) throw new Error('this program is a thread');
serveProjections(parentPort, { folder, blocks: (from, until) => readLog(journal, { from, until }) });

/** One job from connections to figures. It ends when every request it sent has been answered, or fails. */
import { openSocket } from './handshake.ts';
import type { Job, JobResult } from './job.ts';
import { Lane } from './lane.ts';
import { closedLoop, openLoop, type Paced, type Pacing } from './pace.ts';
import { Recorder } from './recorder.ts';
import { repliesOf } from './replies.ts';
import { requestsOf } from './requests.ts';

/** Past the end of the window for the last answers. */
const LATE_MS_MAX = 15_000;

export async function runJob(job: Job): Promise<JobResult> {
  const requests = requestsOf(job);
  const sockets = await Promise.all(Array.from({ length: job.connections }, () => openSocket(job.target, job.dialect)));
  const fromMs = performance.now() + job.warmUpMs;
  const endMs = fromMs + job.measureMs;
  const recorder = new Recorder({ fromMs, toMs: endMs });
  const { depth } = job;
  const lanes = sockets.map(
    (socket) => new Lane({ socket, replies: repliesOf(job.dialect), requests, recorder, depth }),
  );
  const next = () => (recorder.sent < requests.count ? recorder.sent : null);
  const cpuBefore = process.cpuUsage();
  const startedMs = performance.now();
  try {
    await answered({ lanes, next, endMs }, job, recorder);
  } finally {
    for (const lane of lanes) lane.close();
  }
  const { user, system } = process.cpuUsage(cpuBefore);
  const { sent, outcomes, perS, windowMs, latencyMs } = recorder;
  const generatorCpu = (user + system) / 1_000 / (performance.now() - startedMs);
  return { sent, outcomes, perS, windowMs, latencyMs, generatorCpu };
}

function answered(paced: Paced, { pace }: Job, recorder: Recorder): Promise<void> {
  return new Promise((resolve, reject) => {
    const pacing: Pacing = pace.kind === 'closed' ? closedLoop(paced) : openLoop(paced, pace.ratePerS);
    const isOver = () => recorder.unanswered === 0 && (performance.now() >= paced.endMs || paced.next() === null);
    const settle = () => {
      clearTimeout(late);
      clearInterval(look);
    };
    const fail = (error: Error) => {
      settle();
      reject(error);
    };
    const look = setInterval(() => {
      if (!isOver()) return;
      settle();
      resolve();
    }, 5);
    const lateMs = paced.endMs - performance.now() + LATE_MS_MAX;
    const late = setTimeout(() => fail(new Error(`${recorder.unanswered} requests without an answer`)), lateMs);
    for (const lane of paced.lanes) lane.listen({ onRoom: pacing.onRoom, onFailure: fail });
    pacing.start();
  });
}

/** One job from connections to figures. It ends when every request it sent has been answered, or fails. */
import type { Socket } from 'node:net';
import { openSocket } from './handshake.ts';
import type { Job, JobResult } from './job.ts';
import { Lane } from './lane.ts';
import { closedLoop, openLoop, type Paced, type Pacing } from './pace.ts';
import { Recorder } from './recorder.ts';
import { spokenFor } from './speak.ts';

/** Past the end of the window for the last answers. */
const LATE_MS_MAX = 15_000;
/** Connections that are being made at once; a server's backlog is not what is measured. */
const OPENING_MAX = 100;
/** In a closed loop; a prime, so that it is not always the same place in a chunk of replies. */
const LATENCY_EVERY = 61;
/** Claims in flight below which the latency of each is taken. */
const SCARCE_CLAIMS = 100;

export async function runJob(job: Job): Promise<JobResult> {
  const { requests, replies } = spokenFor(job);
  const sockets = await openSockets(job);
  const startMs = performance.now();
  const fromMs = startMs + job.warmUpMs;
  const endMs = fromMs + job.measureMs;
  const { depth, batchClaims, connections, pace } = job;
  const isDense = pace.kind === 'closed' && connections * depth > SCARCE_CLAIMS;
  const recorder = new Recorder({ fromMs, toMs: endMs, latencyEvery: isDense ? LATENCY_EVERY : 1 });
  const lanes = sockets.map(
    (socket) => new Lane({ socket, replies: replies(), requests, recorder, depth, batchClaims }),
  );
  const next = () => (recorder.sent < requests.count ? recorder.sent : null);
  const cpuBefore = process.cpuUsage();
  try {
    await answered({ lanes, next, startMs, endMs }, job, recorder);
  } finally {
    for (const lane of lanes) lane.close();
  }
  const { user, system } = process.cpuUsage(cpuBefore);
  const { sent, outcomes, perS, windowMs, latencyMs } = recorder;
  const generatorCpu = (user + system) / 1_000 / (performance.now() - startMs);
  return { sent, outcomes, perS, windowMs, latencyMs, generatorCpu };
}

async function openSockets({ connections, target, dialect }: Job): Promise<Socket[]> {
  const sockets: Socket[] = [];
  while (sockets.length < connections) {
    const count = Math.min(OPENING_MAX, connections - sockets.length);
    sockets.push(...(await Promise.all(Array.from({ length: count }, () => openSocket(target, dialect)))));
  }
  return sockets;
}

function answered(paced: Paced, { pace, batchClaims }: Job, recorder: Recorder): Promise<void> {
  return new Promise((resolve, reject) => {
    const pacing: Pacing =
      pace.kind === 'closed' ? closedLoop(paced) : openLoop(paced, (1_000 / pace.ratePerS) * batchClaims);
    const isOver = () => recorder.unanswered === 0 && pacing.isDone();
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
    const late = setTimeout(() => fail(new Error(`${recorder.unanswered} claims without an answer`)), lateMs);
    for (const lane of paced.lanes) lane.listen({ onRoom: pacing.onRoom, onFailure: fail });
    pacing.start();
  });
}

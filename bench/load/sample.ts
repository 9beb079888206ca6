/** The body of one real reply, so that a peer can be made to answer as much. */
import { FrameReader } from '../../protocol/frame.ts';
import { LIMITS } from '../../protocol/limits.ts';
import { openSocket } from './handshake.ts';
import type { Claims, Job } from './job.ts';
import { spokenFor } from './speak.ts';

/** What the server answers to request 0 of these claims. */
export async function sampleReply(
  job: Pick<Job, 'dialect' | 'target' | 'batchClaims'>,
  claims: Claims,
): Promise<Uint8Array> {
  const { requests } = spokenFor({ ...job, claims, claimsMax: job.batchClaims });
  const bytes = requests.room(1);
  const length = requests.write(bytes, 0, 0, 0);
  const socket = await openSocket(job.target, job.dialect);
  const reader = new FrameReader(LIMITS.frameBytesMax);
  socket.write(bytes.subarray(0, length));
  try {
    for await (const chunk of socket) {
      reader.push(chunk);
      const frame = reader.next();
      if (frame !== null) return Uint8Array.from(frame.body);
    }
    throw new Error('the server closed before it answered');
  } finally {
    socket.destroy();
  }
}

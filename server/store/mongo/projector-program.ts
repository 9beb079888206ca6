/** Run by `projector.ts` in a thread of its own, where making claims into documents delays no answer. */
import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { reasonOf } from '../../lib/reason.ts';
import { realRuntime } from '../../lib/runtime.ts';
import { StoreRefused, StoreUnavailable } from '../store.ts';
import { createPool } from './connection.ts';
import { PlaceMissing, Projection } from './projection.ts';
import type { Answer, Failure, ProjectorSettings, Question } from './projector-messages.ts';

/** The inserts on their way, the journal's cursor and what refused inserts are compared with. */
const CONNECTIONS_MAX = 6;

const { address, timeouts, nodeId } = workerData.data as ProjectorSettings;
const port = parentPort as MessagePort;
const pool = createPool(address, { timeouts, nodeId, connectionsMax: CONNECTIONS_MAX, retryWrites: true });
const { majorityMs } = timeouts;
const projection = new Projection({ db: pool.db, majorityMs, runtime: realRuntime });
let isConnected = false;

/** An operation must not be what connects a client. */
async function connect(): Promise<void> {
  if (isConnected) return;
  try {
    await pool.connect();
    isConnected = true;
  } catch (error) {
    throw new StoreUnavailable(`the projector cannot reach the store: ${String(error)}`);
  }
}

async function answerTo(question: Question) {
  if (question.ask === 'close') {
    await pool.close();
    return null;
  }
  await connect();
  return question.ask === 'mark' ? projection.mark() : projection.advance(question);
}

function failureOf(error: unknown): Failure {
  const message = reasonOf(error);
  if (error instanceof StoreUnavailable) return { kind: 'unavailable', message };
  if (error instanceof PlaceMissing) return { kind: 'placeMissing', message: error.collection };
  return { kind: error instanceof StoreRefused ? 'refused' : 'other', message };
}

function reply(answer: Answer): void {
  port.postMessage(answer);
}

port.on('message', (question: Question) => {
  const { number } = question;
  answerTo(question)
    .then(
      (answer) => reply({ number, answer }),
      (error) => reply({ number, failure: failureOf(error) }),
    )
    .finally(() => {
      if (question.ask === 'close') port.close();
    });
});

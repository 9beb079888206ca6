/**
 * A thread that hashes passwords and does nothing else: argon2id takes 15 ms of a core and 19 MiB, which must be spent
 * neither on the main thread nor in libuv's pool, where the store's writes wait.
 *
 * What runs in it is a text, because a thread inherits no loader for TypeScript, and because a thread that loads six
 * lines is there sooner than one that loads a compiler.
 */
import { createRequire } from 'node:module';
import { Worker } from 'node:worker_threads';
import type { Options } from '@node-rs/argon2';

/** OWASP's first choice for argon2id; the numbers are part of every hash, so that raising them leaves old hashes good. */
const ARGON2ID: Options = { algorithm: 2, memoryCost: 19_456, timeCost: 2, parallelism: 1 };

const NICENESS = 10;

/** Without `hash` a new one is made, with one the password is compared. */
export type PasswordJob = { password: string; hash: string | null };
/** A new hash, or whether the password is that of the hash; null when the work could not be done. */
export type PasswordDone = string | boolean | null;

/**
 * What goes wrong here is not said: it may hold the password. On Linux a priority is a thread's own, so that claims get
 * the core first; elsewhere it would be that of the whole process.
 */
const PROGRAM = `
const { parentPort, workerData } = require('node:worker_threads');
const { hashSync, verifySync } = require(workerData.argon2);
if (process.platform === 'linux') require('node:os').setPriority(workerData.niceness);
parentPort.on('message', ({ password, hash }) => {
  let done = null;
  try {
    done = hash === null ? hashSync(password, workerData.options) : verifySync(hash, password);
  } catch {}
  parentPort.postMessage(done);
});`;

export function startPasswordWorker(): Worker {
  const argon2 = createRequire(import.meta.url).resolve('@node-rs/argon2');
  return new Worker(PROGRAM, { eval: true, workerData: { argon2, options: ARGON2ID, niceness: NICENESS } });
}

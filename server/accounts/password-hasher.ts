/**
 * Passwords into hashes, in threads of their own and at most one at a time in each. What waits is bounded: whoever comes
 * when the queue is full is told so at once, because a login that waits longer than its deadline has wasted a core.
 */
import { availableParallelism } from 'node:os';
import type { Worker } from 'node:worker_threads';
import { type PasswordDone, type PasswordJob, startPasswordWorker } from './password-worker.ts';

const QUEUE_MAX = 32;
const THREADS_MAX = 4;

/** Both answer `BUSY` when too many wait. */
export type PasswordHasher = {
  hash(password: string): Promise<string | 'BUSY'>;
  /** `hash` null is somebody whom nobody knows: it takes as long as a wrong password and is never right. */
  verify(password: string, hash: string | null): Promise<boolean | 'BUSY'>;
  readonly waitingCount: number;
  close(): Promise<void>;
};

type Waiting = { job: PasswordJob; settle: (done: PasswordDone) => void };

/** Of random bytes that nobody has: there is no password for it. */
const NOBODYS_HASH =
  '$argon2id$v=19$m=19456,t=2,p=1$98yn5E4Www5k2AfXztplNw$ArptkOJhfVbvq9GP0bSwLQiR7D6dx4w4yjb+9o40dqM';

/** One core is left to claims where there are several. Threads start with the first password. */
export function createPasswordHasher({
  threads = Math.min(THREADS_MAX, Math.max(1, availableParallelism() - 1)),
  queueMax = QUEUE_MAX,
}: {
  threads?: number;
  queueMax?: number;
} = {}): PasswordHasher {
  const idle: Thread[] = [];
  const all = new Set<Thread>();
  const queue: Waiting[] = [];
  let isClosed = false;

  function free(thread: Thread): void {
    if (thread.isDead) all.delete(thread);
    else idle.push(thread);
    const next = queue.shift();
    if (next !== undefined) start(next);
  }

  function start(waiting: Waiting): void {
    const thread = idle.pop() ?? new Thread(free);
    all.add(thread);
    thread.run(waiting);
  }

  function submit(job: PasswordJob): Promise<PasswordDone> | 'BUSY' {
    if (isClosed || queue.length >= queueMax) return 'BUSY';
    return new Promise((settle) => {
      if (idle.length > 0 || all.size < threads) start({ job, settle });
      else queue.push({ job, settle });
    });
  }

  return {
    async hash(password) {
      const done = await submit({ password, hash: null });
      return typeof done === 'string' ? done : 'BUSY';
    },
    async verify(password, hash) {
      const done = await submit({ password, hash: hash ?? NOBODYS_HASH });
      if (done === 'BUSY' || done === null) return 'BUSY';
      return done === true && hash !== null;
    },
    get waitingCount() {
      return queue.length;
    },
    async close() {
      isClosed = true;
      for (const { settle } of queue.splice(0)) settle(null);
      await Promise.all([...all].map((thread) => thread.end()));
    },
  };
}

/** A thread that dies costs the password it had at hand. */
class Thread {
  isDead = false;
  readonly #worker: Worker;
  readonly #free: (thread: Thread) => void;
  #current: Waiting | null = null;

  constructor(free: (thread: Thread) => void) {
    this.#free = free;
    this.#worker = startPasswordWorker();
    this.#worker.unref();
    this.#worker.on('message', (done: PasswordDone) => this.#settle(done));
    this.#worker.on('error', () => this.#die());
    this.#worker.on('exit', () => this.#die());
  }

  run(waiting: Waiting): void {
    this.#current = waiting;
    this.#worker.postMessage(waiting.job);
  }

  async end(): Promise<void> {
    await this.#worker.terminate();
  }

  #die(): void {
    if (this.isDead) return;
    this.isDead = true;
    this.#settle(null);
  }

  #settle(done: PasswordDone): void {
    const current = this.#current;
    this.#current = null;
    current?.settle(done);
    this.#free(this);
  }
}

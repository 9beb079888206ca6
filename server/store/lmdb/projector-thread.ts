/** The thread that projects, as the main thread sees it: questions and answers. It ends when it is told to, or by itself. */
import type { Worker } from 'node:worker_threads';
import type { Answer, Answered, Asked, Question } from './projector-messages.ts';

type Waiting = { resolve: (answer: never) => void; reject: (cause: Error) => void };

export class ProjectorThread {
  readonly #worker: Worker;
  readonly #waiting = new Map<number, Waiting>();
  readonly #exit: Promise<void>;
  #asked = 0;
  /** Why nothing can be asked any more. */
  #over: Error | null = null;
  #isEnding = false;

  constructor(worker: Worker) {
    this.#worker = worker;
    this.#exit = new Promise((resolve) => worker.once('exit', () => resolve()));
    worker.on('message', (answer: Answered) => this.#settle(answer));
    worker.on('error', (cause) => this.#die(cause instanceof Error ? cause : new Error(String(cause))));
    worker.on('exit', () => this.#die(new Error('the projecting thread has ended')));
  }

  get isOver(): boolean {
    return this.#over !== null;
  }

  /** Rejects with what went wrong there, or when the thread ends before it answers. */
  ask<Asking extends Question>(question: Asking): Promise<Answer[Asking['kind']]> {
    if (this.#over !== null) return Promise.reject(this.#over);
    return new Promise((resolve, reject) => {
      const number = ++this.#asked;
      this.#waiting.set(number, { resolve, reject });
      // Who waits for an answer keeps the process alive; an idle thread does not.
      this.#worker.ref();
      this.#worker.postMessage({ number, question } satisfies Asked);
    });
  }

  /** Resolves when it has done what was asked and has ended by itself. */
  async end(): Promise<void> {
    this.#isEnding = true;
    this.#worker.ref();
    this.#worker.postMessage('end' satisfies Asked);
    await this.#exit;
  }

  #settle(answer: Answered): void {
    const waiting = this.#waiting.get(answer.number);
    this.#waiting.delete(answer.number);
    if (this.#waiting.size === 0 && !this.#isEnding) this.#worker.unref();
    if ('error' in answer) waiting?.reject(new Error(answer.error));
    else waiting?.resolve(answer.answer as never);
  }

  #die(cause: Error): void {
    this.#over ??= cause;
    for (const { reject } of this.#waiting.values()) reject(this.#over);
    this.#waiting.clear();
  }
}

/**
 * The body of a request piece by piece, taken as fast as its reader wants it: while it is not asked for more, nothing is
 * read from the socket. What is not read any more is thrown away by node, which must happen for the answer to arrive.
 */
import type { IncomingMessage } from 'node:http';
import type { Runtime } from '../protocol/runtime.ts';

/** NOTHING: it has not come yet. GONE: the caller has left in the middle. */
export type Piece = Buffer | 'END' | 'GONE' | 'NOTHING';

export class BodyStream {
  readonly #message: IncomingMessage;
  readonly #runtime: Runtime;
  readonly #pieces: Buffer[] = [];
  #last: 'END' | 'GONE' | null = null;
  #wake: () => void = () => {};
  readonly #onData = (chunk: Buffer) => {
    this.#message.pause();
    this.#pieces.push(chunk);
    this.#wake();
  };

  constructor(message: IncomingMessage, runtime: Runtime) {
    this.#message = message;
    this.#runtime = runtime;
    const end = (last: 'END' | 'GONE') => {
      this.#last ??= last;
      this.#wake();
    };
    message.pause();
    message.on('data', this.#onData);
    message.once('end', () => end('END'));
    message.once('close', () => end('GONE'));
    message.on('error', () => end('GONE'));
  }

  /** The next piece when it comes within `ms`. One call at a time. */
  async next(ms: number): Promise<Piece> {
    if (this.#pieces.length === 0 && this.#last === null) await this.#something(ms);
    return this.#pieces.shift() ?? this.#last ?? 'NOTHING';
  }

  /** Nothing more is wanted. */
  release(): void {
    this.#message.off('data', this.#onData);
    this.#pieces.length = 0;
    this.#message.resume();
  }

  #something(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const cancel = this.#runtime.after(ms, resolve);
      this.#wake = () => {
        cancel();
        resolve();
      };
      this.#message.resume();
    });
  }
}

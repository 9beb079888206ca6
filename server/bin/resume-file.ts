/**
 * Where a long command has come to, kept in the data folder, so that the same command goes on there after Ctrl-C, a kill or
 * a lost server. What the command works on has a stamp: when that is another, nothing is resumed. It is only a shortcut:
 * every such command may begin anew at any time, and whoever goes on from here checks first that it still makes sense.
 */
import { createHash } from 'node:crypto';
import { mkdir, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { readKept, replaceKept } from './kept-file.ts';

const FOLDER = 'progress';
const NAME_LENGTH = 24;

export class ResumeFile<T> {
  readonly path: string;
  readonly #words: readonly string[];
  readonly #stamp: string;

  /** `words` say which command it is, everything that makes it another included; `stamp` what it works on now. */
  constructor({ data, words, stamp }: { data: string; words: readonly string[]; stamp: string }) {
    const digest = createHash('sha256').update(JSON.stringify(words)).digest('hex');
    this.path = join(data, FOLDER, `${words[0]}-${digest.slice(0, NAME_LENGTH)}.json`);
    this.#words = words;
    this.#stamp = stamp;
  }

  /** Null where nothing was kept, or nothing that fits. */
  async read(): Promise<T | null> {
    const text = await readKept(this.path);
    if (text === null) return null;
    try {
      const { stamp, state } = JSON.parse(text) as { stamp: string; state: T };
      return stamp === this.#stamp ? state : null;
    } catch {
      return null;
    }
  }

  async write(state: T): Promise<void> {
    await mkdir(dirname(this.path), { recursive: true });
    await replaceKept(this.path, JSON.stringify({ command: this.#words, stamp: this.#stamp, state }));
  }

  /** The command is done. */
  async remove(): Promise<void> {
    await rm(this.path, { force: true });
  }
}

/**
 * Files of claims: a line of JSON for each, packed by gzip. One is written under another name and gets its own only when it is
 * whole and on the disk. It knows nothing of what the lines say.
 */
import { createHash, type Hash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip, createGzip } from 'node:zlib';
import { ArchiveRefused } from './refused.ts';

/** Of the file's bytes as they lie on the disk; the digest in hexadecimal. */
export type Sum = { bytes: number; sha256: string };

export class ClaimFileWriter {
  readonly path: string;
  readonly #gzip = createGzip();
  readonly #tap = new Tap();
  readonly #done: Promise<void>;

  constructor(path: string) {
    this.path = path;
    const file = createWriteStream(path, { mode: 0o600, flush: true });
    this.#done = pipeline(this.#gzip, this.#tap, file);
    // Whoever writes next is told.
    this.#done.catch(() => {});
  }

  /** Resolves when there is room for more. Rejects when the disk does not take it. */
  async write(text: string): Promise<void> {
    if (this.#gzip.destroyed) return this.#done;
    if (this.#gzip.write(text)) return;
    const drained = new Promise<void>((resolve) => this.#gzip.once('drain', resolve));
    await Promise.race([drained, this.#done]);
  }

  /** Resolves when all of it is on the disk. */
  async close(): Promise<Sum> {
    this.#gzip.end();
    await this.#done;
    return this.#tap.sum();
  }

  /** Ends it, and removes what there is of it. */
  async discard(): Promise<void> {
    this.#gzip.destroy();
    await this.#done.catch(() => {});
    await rm(this.path, { force: true });
  }
}

/**
 * The lines of a file in groups of at most `length`; returns its sum at the end. Throws ArchiveRefused for what is no such file,
 * which may show only after some of its lines.
 */
export async function* linesOf(path: string, length: number): AsyncGenerator<string[], Sum> {
  const tap = new Tap();
  const gunzip = createGunzip();
  const done = pipeline(createReadStream(path), tap, gunzip);
  done.catch(() => {});
  const lines: string[] = [];
  let rest = '';
  gunzip.setEncoding('utf8');
  try {
    for await (const chunk of gunzip as AsyncIterable<string>) {
      const found = (rest + chunk).split('\n');
      rest = found.pop() ?? '';
      lines.push(...found);
      while (lines.length >= length) yield lines.splice(0, length);
    }
    await done;
  } catch (error) {
    if (error instanceof Error && 'errno' in error && !('syscall' in error)) {
      throw new ArchiveRefused(`${path} is damaged: ${error.message}`, { cause: error });
    }
    throw error;
  }
  if (lines.length > 0) yield lines;
  if (rest !== '') throw new ArchiveRefused(`${path} ends in the middle of a line`);
  return tap.sum();
}

/** Lets bytes through, and adds them up. */
class Tap extends Transform {
  readonly #hash: Hash = createHash('sha256');
  #bytes = 0;

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: (error: null, chunk: Buffer) => void): void {
    this.#hash.update(chunk);
    this.#bytes += chunk.length;
    done(null, chunk);
  }

  /** Once, at the end. */
  sum(): Sum {
    return { bytes: this.#bytes, sha256: this.#hash.digest('hex') };
  }
}

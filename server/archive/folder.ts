/**
 * The folder of an archive: what its files are called, and how they appear in it, whole or not at all. `NAME.ndjson.gz` holds
 * claims, `NAME.manifest.json` vouches for it. `.part` files are what a killed run has left; they are written over.
 */
import { createHash } from 'node:crypto';
import { access, constants, mkdir, open, readFile, rename, rm, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { syncFolder } from '../lib/sync-folder.ts';
import { ClaimFileWriter, linesOf, type Sum } from './claim-file.ts';
import { type Manifest, manifestOf } from './manifest.ts';
import { ArchiveRefused } from './refused.ts';

const DIGEST_LENGTH = 8;
const PART = '.part';

export class Folder {
  readonly path: string;

  private constructor(path: string) {
    this.path = path;
  }

  /** Made when it is not there, but not the folder that it is in. Throws ArchiveRefused when it cannot be written to. */
  static async open(path: string): Promise<Folder> {
    try {
      await mkdir(path, { mode: 0o700 }).catch(ignoring('EEXIST'));
      // What was made may be a run's that was killed right then.
      await syncFolder(dirname(resolve(path)));
      if (!(await stat(path)).isDirectory()) throw new ArchiveRefused('a folder, which this is not');
      await access(path, constants.W_OK | constants.X_OK);
      return new Folder(path);
    } catch (error) {
      if (error instanceof ArchiveRefused || !(error instanceof Error) || !('code' in error)) throw error;
      throw new ArchiveRefused(`a folder that can be written to (${error.code})`, { cause: error });
    }
  }

  writer(name: string): ClaimFileWriter {
    return new ClaimFileWriter(this.#pathOf(fileOf(name)) + PART);
  }

  /** What was written and closed gets its name, durably. */
  async publish({ path }: ClaimFileWriter): Promise<void> {
    await rename(path, path.slice(0, -PART.length));
    await syncFolder(this.path);
  }

  lines(name: string, length: number): AsyncGenerator<string[], Sum> {
    return linesOf(this.#pathOf(fileOf(name)), length);
  }

  /** Null when nothing vouches for a file of that name. Throws ArchiveRefused for one that is not ours. */
  async manifest(name: string): Promise<Manifest | null> {
    const path = this.#pathOf(manifestFileOf(name));
    const text = await readFile(path, 'utf8').catch(ignoring('ENOENT'));
    return text === undefined ? null : manifestOf(text, path);
  }

  /** Durable when it resolves. */
  async seal(name: string, manifest: Manifest): Promise<void> {
    const path = this.#pathOf(manifestFileOf(name));
    const handle = await open(path + PART, 'w', 0o600);
    try {
      await handle.writeFile(`${JSON.stringify(manifest, null, 2)}\n`);
      await handle.sync();
    } catch (error) {
      await rm(path + PART, { force: true });
      throw error;
    } finally {
      await handle.close();
    }
    await rename(path + PART, path);
    await syncFolder(this.path);
  }

  #pathOf(file: string): string {
    return join(this.path, file);
  }
}

export type Named = { clusterId: string; eventKey: string; period: string; part: number };

/** Also where letters of either case are one to the file system, and where a colon is none. Two of anything have two names. */
export function nameOf({ clusterId, eventKey, period, part }: Named): string {
  const digest = createHash('sha256').update(`${clusterId}/${eventKey}/${period}`).digest('hex');
  const of = period === '-' ? 'once' : period;
  return `claims_${eventKey.replaceAll(':', '_')}_${of}_${digest.slice(0, DIGEST_LENGTH)}.${part}`;
}

/** The file of claims of that name. */
export function fileOf(name: string): string {
  return `${name}.ndjson.gz`;
}

function manifestFileOf(name: string): string {
  return `${name}.manifest.json`;
}

function ignoring(code: string): (error: unknown) => undefined {
  return (error) => {
    if (!(error instanceof Error) || !('code' in error) || error.code !== code) throw error;
    return undefined;
  };
}

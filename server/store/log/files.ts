/**
 * The few things the log does with files, so that a test can hand in a disk that fails or loses its power. The real one
 * is here as well.
 *
 * Durable means: after a power loss it is there. A file opened `through` is durable when its write returns; on others
 * only `sync` says so. A file that was made or renamed is durable once its folder is synced.
 */
import { close, constants, fdatasync, fdatasyncSync, fstat, open, read, write, writeSync } from 'node:fs';
import { mkdir, readdir, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { promisify } from 'node:util';
import { lockFolder } from '../../lib/folder-lock.ts';
import { syncFolder } from '../../lib/sync-folder.ts';

/** `made`: new and empty, whatever was there. */
export type Access = 'read' | 'through' | 'made';

export type OpenFile = {
  size(): Promise<number>;
  /** Fills `into`, as far as the file goes, and says how far. */
  read(into: Uint8Array, position: number): Promise<number>;
  write(bytes: Uint8Array, position: number): Promise<void>;
  /** The same at once, on the caller's time. */
  writeNow(bytes: Uint8Array, position: number): void;
  sync(): Promise<void>;
  /** Waits for what is on its way. */
  close(): Promise<void>;
};

export type FileLayer = {
  /** Makes the folder durably if it is not there, and keeps everybody else out until `release`. Rejects with FolderInUse. */
  take(directory: string): Promise<{ release(): Promise<void> }>;
  list(directory: string): Promise<string[]>;
  open(path: string, access: Access): Promise<OpenFile>;
  rename(from: string, to: string): Promise<void>;
  remove(path: string): Promise<void>;
  syncFolder(directory: string): Promise<void>;
};

const openAt = promisify(open);
const closeAt = promisify(close);
const syncAt = promisify(fdatasync);
const statAt = promisify(fstat);

/** How a write becomes durable: by a flag of the open file, or by a sync after each write. */
export type Through = 'flag' | 'sync';

const FLAGS: Readonly<Record<Access, number>> = {
  read: constants.O_RDONLY,
  through: constants.O_RDWR,
  made: constants.O_RDWR | constants.O_CREAT | constants.O_TRUNC,
};

/** What reading and writing have in common. */
type Move = (
  descriptor: number,
  bytes: Uint8Array,
  from: number,
  length: number,
  position: number,
  then: (error: Error | null, moved: number) => void,
) => void;

class RealFile implements OpenFile {
  readonly #descriptor: number;
  readonly #syncsEach: boolean;
  #busy = 0;
  #closing: (() => void) | null = null;

  constructor(descriptor: number, syncsEach: boolean) {
    this.#descriptor = descriptor;
    this.#syncsEach = syncsEach;
  }

  async size(): Promise<number> {
    return (await statAt(this.#descriptor)).size;
  }

  async read(into: Uint8Array, position: number): Promise<number> {
    let done = 0;
    while (done < into.length) {
      const bytes = await this.#some(read, into, done, position + done);
      if (bytes === 0) break;
      done += bytes;
    }
    return done;
  }

  async write(bytes: Uint8Array, position: number): Promise<void> {
    for (let done = 0; done < bytes.length; ) done += await this.#some(write, bytes, done, position + done);
    if (this.#syncsEach) await this.sync();
  }

  writeNow(bytes: Uint8Array, position: number): void {
    for (let done = 0; done < bytes.length; ) {
      done += writeSync(this.#descriptor, bytes, done, bytes.length - done, position + done);
    }
    if (this.#syncsEach) fdatasyncSync(this.#descriptor);
  }

  async sync(): Promise<void> {
    this.#busy++;
    await syncAt(this.#descriptor).finally(() => this.#rest());
  }

  /** A descriptor that is closed under a read may be another file's by then. */
  async close(): Promise<void> {
    if (this.#busy > 0) {
      await new Promise<void>((resolve) => {
        this.#closing = resolve;
      });
    }
    await closeAt(this.#descriptor);
  }

  #some(move: Move, bytes: Uint8Array, from: number, position: number): Promise<number> {
    this.#busy++;
    return new Promise((resolve, reject) => {
      move(this.#descriptor, bytes, from, bytes.length - from, position, (error, moved) => {
        this.#rest();
        if (error) reject(error);
        else resolve(moved);
      });
    });
  }

  #rest(): void {
    this.#busy--;
    if (this.#busy === 0) this.#closing?.();
  }
}

export function filesOf(through: Through): FileLayer {
  return {
    async take(directory) {
      await mkdir(directory, { recursive: true, mode: 0o700 });
      const lock = await lockFolder(directory);
      await syncFolder(dirname(directory));
      return lock;
    },
    list: (directory) => readdir(directory),
    async open(path, access) {
      const flag = access === 'through' && through === 'flag' ? constants.O_DSYNC : 0;
      const descriptor = await openAt(path, FLAGS[access] | flag, 0o600);
      return new RealFile(descriptor, access === 'through' && through === 'sync');
    },
    rename,
    remove: (path) => rm(path, { force: true }),
    syncFolder,
  };
}

/** Where the flag is missing, or does not reach through the disk's own memory, each write is followed by a sync. */
export const realFiles = filesOf(process.platform === 'linux' && constants.O_DSYNC !== undefined ? 'flag' : 'sync');

/**
 * One data folder, one process. The lock is the kernel's, on the open file `DIRECTORY/lock`: it ends with the process
 * however that dies, so there are no stale locks and nothing to clean up. The pid inside is only for the message.
 * The file is never removed, or two processes could lock two files of one name.
 */
import { mkdirSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import { tryLock, unlock } from 'fs-native-extensions';

/** Its message is one line that names the folder, and the process that holds it where that is known. */
export class FolderInUse extends Error {
  constructor(directory: string, pid: number | null) {
    super(`the data folder ${directory} is in use${pid === null ? '' : ` by process ${pid}`}`);
    this.name = 'FolderInUse';
  }
}

export type FolderLock = { release(): Promise<void> };

/** Makes the folder if need be. Rejects with FolderInUse while another holder has it, in this process or any other. */
export async function lockFolder(directory: string): Promise<FolderLock> {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  // Append mode, because opening must not empty the file of the holder.
  const file = await open(join(directory, 'lock'), 'a+', 0o600);
  try {
    if (!tryLock(file.fd)) throw new FolderInUse(directory, await pidIn(file));
    await file.truncate(0);
    await file.write(`${process.pid}\n`);
  } catch (error) {
    await file.close();
    throw error;
  }
  let released: Promise<void> | null = null;
  return {
    release() {
      released ??= release(file);
      return released;
    },
  };
}

async function release(file: FileHandle): Promise<void> {
  await file.truncate(0);
  unlock(file.fd);
  await file.close();
}

/** Null when the holder has not written it yet, or where the system lets nobody read a locked file. */
async function pidIn(file: FileHandle): Promise<number | null> {
  try {
    const buffer = Buffer.alloc(16);
    const { bytesRead } = await file.read(buffer, 0, buffer.length, 0);
    return Number.parseInt(buffer.toString('latin1', 0, bytesRead), 10) || null;
  } catch {
    return null;
  }
}

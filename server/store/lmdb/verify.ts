/**
 * Reads every page of a store in a process of its own, because LMDB ends the process at some kinds of damage. It takes
 * about a second for a million claims and is only done where the data file looks cut off.
 */
import { execFile } from 'node:child_process';
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const program = fileURLToPath(new URL(`./verify-program${extname(import.meta.url)}`, import.meta.url));

/** Rejects when any page cannot be read. */
export async function verifyFolder(folder: string): Promise<void> {
  try {
    await promisify(execFile)(process.execPath, [...process.execArgv, program, folder]);
  } catch (cause) {
    throw new Error('data.mdb is cut off or damaged', { cause });
  }
}

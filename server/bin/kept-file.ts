/**
 * A small file that is made once and then read by every later start: a key, a name. Two processes that start together
 * end with the same contents, and nobody ever reads half a file.
 */
import { randomUUID } from 'node:crypto';
import { link, mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';

const OWNER_ONLY = 0o600;

/** Contents of the file, or null where there is none. */
export async function readKept(path: string): Promise<string | null> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (isCode(error, 'ENOENT')) return null;
    throw error;
  }
}

/** Contents of the file, made by `make` with mode 0600 where there was none. */
export async function readOrKeep(path: string, make: () => string): Promise<string> {
  const kept = await readKept(path);
  if (kept !== null) return kept;
  await mkdir(dirname(path), { recursive: true });
  const draft = `${path}.${randomUUID()}`;
  const file = await open(draft, 'wx', OWNER_ONLY);
  try {
    await file.writeFile(make());
    await file.sync();
    // Unlike a rename, a link does not replace what another process made meanwhile.
    await link(draft, path).catch((error: unknown) => {
      if (!isCode(error, 'EEXIST')) throw error;
    });
  } finally {
    await file.close();
    await rm(draft, { force: true });
  }
  return readFile(path, 'utf8');
}

/** Replaces the file whole, with mode 0600: a reader finds the old contents or the new ones. */
export async function replaceKept(path: string, contents: string): Promise<void> {
  const draft = `${path}.${randomUUID()}`;
  const file = await open(draft, 'wx', OWNER_ONLY);
  try {
    await file.writeFile(contents);
    await file.sync();
    await rename(draft, path);
  } finally {
    await file.close();
    await rm(draft, { force: true });
  }
}

export function isCode(error: unknown, code: string): boolean {
  return error instanceof Error && (error as NodeJS.ErrnoException).code === code;
}

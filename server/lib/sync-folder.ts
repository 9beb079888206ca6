/** Makes the names in a folder durable: until then the disk may forget that a file was made, renamed or removed. */
import { open } from 'node:fs/promises';

export async function syncFolder(path: string): Promise<void> {
  // Windows opens no folders and needs no such sync.
  if (process.platform === 'win32') return;
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

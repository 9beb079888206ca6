/** How a test starts a file of this tree as a program or a thread: as the test itself runs, compiled or from its source. */
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';

const extension = extname(import.meta.url);
/** Before the file in the arguments of Node; a compiled one needs no loader, which costs more than most programs. */
export const LOADER: readonly string[] = extension === '.ts' ? ['--import', 'tsx'] : [];

/** `path` is that of the source, relative to `base`, as in an import. */
export function runnable(path: string, base: string): URL {
  return new URL(path.replace(/\.ts$/, extension), base);
}

/** The arguments of Node that run it. */
export function launchOf(path: string, base: string): string[] {
  return [...LOADER, fileURLToPath(runnable(path, base))];
}

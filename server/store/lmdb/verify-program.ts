/** Run by `verify.ts` with a folder: walks all tables, whatever their format, and dies or exits 1 at a damaged page. */
import { open } from 'lmdb';

const root = open<unknown, string>({
  path: process.argv[2] as string,
  noSubdir: false,
  overlappingSync: false,
  maxDbs: 64,
});
for (const name of Array.from(root.getKeys())) {
  for (const _ of root.openDB(name, { encoding: 'binary', keyEncoding: 'binary' }).getRange({}));
}
await root.close();

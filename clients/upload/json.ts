/** What became of a file of user ids, as HTTP and the command line show it. `received` is the sum of the others. */
import type { RowError, Tally } from './upload.ts';

export type UploadKind = 'add' | 'remove';
type Json<N extends string> = { received: number } & Record<N, number> & { rejected: number; errors: RowError[] };
export type UploadJson = Json<'added' | 'existing'> | Json<'removed' | 'absent'>;

export function uploadJson(kind: UploadKind, { changed, unchanged, rejected, errors }: Tally): UploadJson {
  const received = changed + unchanged + rejected;
  const others = { rejected, errors: [...errors] };
  return kind === 'add'
    ? { received, added: changed, existing: unchanged, ...others }
    : { received, removed: changed, absent: unchanged, ...others };
}

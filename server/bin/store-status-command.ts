/** `claimd store status`: every store with its collections, as a table on a terminal and as the JSON of HTTP elsewhere. */
import { EXIT } from '../../clients/cli.ts';
import { type Client, problemJson } from '../../clients/index.ts';
import { isSuccess } from '../../protocol/reply.ts';
import type { Result } from '../../protocol/results.ts';
import { decodeStore, type StoreView } from '../../protocol/upkeep.ts';

export type StoreStatusOptions = {
  client: Pick<Client, 'request'>;
  isTerminal: boolean;
  print: (text: string) => void;
};

const HEAD = ['store', 'collection', 'claims', 'bytes', 'index bytes', 'guard'];
/** Columns of numbers, which end where they end. */
const RIGHT: ReadonlySet<number> = new Set([2, 3, 4]);

export async function storeStatus({ client, isTerminal, print }: StoreStatusOptions): Promise<number> {
  const reply = await client.request('STORES', [null]);
  if (!isSuccess(reply)) {
    print(`${JSON.stringify(problemJson(reply), null, 2)}\n`);
    return EXIT.failed;
  }
  const [tuples] = reply.result as Result<'STORES'>;
  const stores = tuples.map(decodeStore);
  print(isTerminal ? tableOf(stores) : `${JSON.stringify({ items: stores }, null, 2)}\n`);
  return EXIT.done;
}

/** Exported for its test. */
export function tableOf(stores: readonly StoreView[]): string {
  const rows = [HEAD, ...stores.flatMap(rowsOf)];
  const widths = HEAD.map((_, i) => Math.max(...rows.map((row) => row[i]?.length ?? 0)));
  const lines = rows.map((row) =>
    row
      .map((cell, i) => (RIGHT.has(i) ? cell.padStart(widths[i] ?? 0) : cell.padEnd(widths[i] ?? 0)))
      .join('  ')
      .trimEnd(),
  );
  const journals = stores.map(
    ({ store, journal: { backlogClaims, oldestMs } }) =>
      `journal of ${store}: ${grouped(backlogClaims)} claims wait, the oldest for ${grouped(oldestMs)} ms`,
  );
  return `${[...lines, ...journals].join('\n')}\n`;
}

function rowsOf({ store, reachable, collections }: StoreView): string[][] {
  if (!reachable) return [[store, 'not reachable', '', '', '', '']];
  return collections.map(({ name, claims, bytes, indexBytes, guard }) => {
    return [store, name, grouped(claims), grouped(bytes), grouped(indexBytes), guard];
  });
}

function grouped(value: number): string {
  return value.toLocaleString('en');
}

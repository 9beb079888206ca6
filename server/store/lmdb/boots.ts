/** Who has written claims into the embedded store: a row for each start of a server and of the journal. */
import type { Runtime } from '../../../protocol/runtime.ts';
import type { Boots } from '../survey.ts';
import type { Transactions } from './transactions.ts';

export function createLmdbBoots(transactions: Transactions, runtime: Pick<Runtime, 'wallMs'>): Boots {
  return {
    note: (origin) =>
      transactions.commitOrThrow(({ boots }) => {
        if (!boots.doesExist(origin)) boots.putSync(origin, Math.floor(runtime.wallMs()));
      }),
    known: () =>
      transactions.read(({ boots }) => {
        const rows = Array.from(boots.getRange());
        const since = rows.reduce((first, { value }) => Math.min(first, value), Number.POSITIVE_INFINITY);
        return { since, origins: new Set(rows.map(({ key }) => key)) };
      }),
  };
}

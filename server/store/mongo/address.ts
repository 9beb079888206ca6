/**
 * A MongoDB URI as a setting: its database, and what of it may be shown. Credentials stand in the URI, so no error and no
 * label ever repeats it. What else is wrong with it the driver finds out.
 */
import { StoreRefused } from '../store.ts';

export type Address = { uri: string; database: string; label: string };

const URI = /^(mongodb(?:\+srv)?:\/\/)(?:[^/?#]*@)?([^/?#@]+)(?:\/([^?#]*))?(?:\?.*)?$/;
const DATABASE = /^[^/\\. "$*<>:|?@]{1,63}$/;

/** Throws StoreRefused when the URI is none or names no database: the driver would quietly take `test`. */
export function addressOf(uri: string): Address {
  const [, scheme, hosts, database = ''] = URI.exec(uri) ?? [];
  if (scheme === undefined || hosts === undefined) {
    throw new StoreRefused('the store is not a URI like mongodb://host:port/database');
  }
  if (database === '') throw new StoreRefused(`the URI ${scheme}${hosts} names no database: add /NAME after the hosts`);
  if (!DATABASE.test(database)) throw new StoreRefused('the URI of the store holds no valid database name');
  return { uri, database, label: `${scheme}${hosts}/${database}` };
}

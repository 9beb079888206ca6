/** The people of the embedded store, one class a noun. */
import type { AccountStores } from '../accounts.ts';
import { LmdbAudit } from './audit.ts';
import { LmdbRevocations } from './revocations.ts';
import { LmdbRoles } from './roles.ts';
import { LmdbSessions } from './sessions.ts';
import type { Transactions } from './transactions.ts';
import { LmdbUsers } from './users.ts';

export function createLmdbAccounts(transactions: Transactions): AccountStores {
  return {
    users: new LmdbUsers(transactions),
    roles: new LmdbRoles(transactions),
    sessions: new LmdbSessions(transactions),
    revocations: new LmdbRevocations(transactions),
    audit: new LmdbAudit(transactions),
  };
}

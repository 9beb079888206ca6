/** Opens the people of the database, one class a noun, making the indexes and counters that are not there yet. */
import { type Db, MongoServerError } from 'mongodb';
import type { Runtime } from '../../../protocol/runtime.ts';
import type { AccountStores } from '../accounts.ts';
import { StoreRefused } from '../store.ts';
import { ACCOUNT_INDEXES } from './account-schema.ts';
import { MongoAudit } from './audit.ts';
import type { Abilities } from './connection.ts';
import { MongoRevocations } from './revocations.ts';
import { MongoRoles } from './roles.ts';
import { MongoSessions } from './sessions.ts';
import { createTurns } from './turns.ts';
import { MongoUsers } from './users.ts';

const DUPLICATE_KEY = 11_000;

export type AccountConditions = { runtime: Runtime; label: string; abilities: Abilities };

/** Throws StoreRefused when users or sessions that are there break a unique index. */
export async function openAccounts(db: Db, conditions: AccountConditions): Promise<AccountStores> {
  const [roleTurns, revocationTurns] = await Promise.all([
    createTurns(db, 'roles', conditions),
    createTurns(db, 'revocations', conditions),
    createIndexes(db, conditions.label),
  ]);
  return {
    users: new MongoUsers(db, roleTurns),
    roles: new MongoRoles(db, roleTurns),
    sessions: new MongoSessions(db),
    revocations: new MongoRevocations(db, revocationTurns),
    audit: new MongoAudit(db),
  };
}

async function createIndexes(db: Db, label: string): Promise<void> {
  const commands = ACCOUNT_INDEXES.map(([collection, indexes]) =>
    db.command({ createIndexes: collection, indexes, writeConcern: { w: 'majority' } }),
  );
  try {
    await Promise.all(commands);
  } catch (error) {
    if (!(error instanceof MongoServerError) || error.code !== DUPLICATE_KEY) throw error;
    throw new StoreRefused(`accounts in ${label} break a unique index: ${error.message}`);
  }
}

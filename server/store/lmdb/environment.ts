/** Opens the LMDB environment and its tables. The one place that says how durable a commit is. */
import { join } from 'node:path';
import { type Database, open, type RootDatabase } from 'lmdb';
import type { AuditEntry, Revocation, RoleRecord, SessionRecord, UserRecord } from '../accounts.ts';
import type { Conflict } from '../journal.ts';
import type { EventRecord } from '../store.ts';
import { Headers } from './data-file.ts';
import type { StoredChange, StoredClaim } from './layout.ts';
import type { PeriodRow } from './periods.ts';
import { UserIndex } from './user-index.ts';

export type Root = RootDatabase<never, string>;
export type Meta = Database<string | number, string>;

export type Tables = {
  meta: Meta;
  claims: Database<StoredClaim, string>;
  series: Database<string, number>;
  periods: Database<PeriodRow, string>;
  fresh: Database<Buffer, number>;
  runs: Database<Buffer, number>;
  buckets: Database<Buffer, number>;
  /** Over the last three. */
  index: UserIndex;
  slots: Database<number, string>;
  conflicts: Database<Conflict, string>;
  boots: Database<number, string>;
  events: Database<EventRecord, string>;
  qualifications: Database<Uint8Array, string>;
  qualificationLog: Database<StoredChange, number>;
  people: Database<UserRecord, string>;
  names: Database<string, string>;
  members: Database<Uint8Array, string>;
  memberNames: Database<string, string>;
  roles: Database<RoleRecord, string>;
  sessions: Database<SessionRecord, string>;
  sessionIds: Database<string, string>;
  revocations: Database<Revocation, number>;
  audit: Database<AuditEntry, string>;
  auditBy: Database<Uint8Array, string>;
};

export type Environment = {
  root: Root;
  tables: Tables;
  headers: Headers;
};

/** What a row holds that says everything by being there. */
export const NOTHING = new Uint8Array(0);

/** The files of a folder whose format is known to be ours; the tables that are not there yet are made. */
export function openEnvironment(folder: string): Environment {
  const root = openRoot(folder);
  return { root, tables: openTables(root), headers: new Headers(dataFileIn(folder)) };
}

export async function closeEnvironment({ root, headers }: Environment): Promise<void> {
  headers.close();
  await root.close();
}

export function dataFileIn(folder: string): string {
  return join(folder, 'data.mdb');
}

/** An option that the package reads and its types do not name. */
const UNDECLARED = { batchStartThreshold: Number.MAX_SAFE_INTEGER };

/**
 * `overlappingSync`, on by default, lets a write resolve before its sync when commits overlap: a power cut would then
 * take back a grant that was answered. `eventTurnBatching`, on by default, makes a promise of its own for each turn
 * that nobody can see: its rejection, when a commit fails, ends the process. The file grows by itself. A batch is written
 * when it is whole: by default LMDB's lock would be taken after a thousand rows and held while the rest is made.
 */
export function openRoot(folder: string): Root {
  return open<never, string>({
    path: folder,
    noSubdir: false,
    overlappingSync: false,
    eventTurnBatching: false,
    noMemInit: true,
    ...UNDECLARED,
    maxDbs: 32,
  });
}

export function openMeta(root: Root): Meta {
  return root.openDB('meta', { encoding: 'msgpack' });
}

export function openTables(root: Root): Tables {
  const indexed = {
    meta: openMeta(root),
    fresh: root.openDB<Buffer, number>('fresh', { encoding: 'binary' }),
    runs: root.openDB<Buffer, number>('runs', { encoding: 'binary' }),
    buckets: root.openDB<Buffer, number>('buckets', { encoding: 'binary' }),
  };
  return {
    ...indexed,
    index: new UserIndex(indexed),
    claims: root.openDB('claims', { encoding: 'msgpack' }),
    series: root.openDB('series', { encoding: 'string' }),
    periods: root.openDB('periods', { encoding: 'msgpack' }),
    slots: root.openDB('slots', { encoding: 'msgpack' }),
    conflicts: root.openDB('conflicts', { encoding: 'msgpack' }),
    boots: root.openDB('boots', { encoding: 'msgpack' }),
    events: root.openDB('events', { encoding: 'msgpack' }),
    qualifications: root.openDB('qualifications', { encoding: 'binary' }),
    qualificationLog: root.openDB('qualificationLog', { encoding: 'msgpack' }),
    people: root.openDB('people', { encoding: 'msgpack' }),
    names: root.openDB('names', { encoding: 'string' }),
    members: root.openDB('members', { encoding: 'binary' }),
    memberNames: root.openDB('memberNames', { encoding: 'string' }),
    roles: root.openDB('roles', { encoding: 'msgpack' }),
    sessions: root.openDB('sessions', { encoding: 'msgpack' }),
    sessionIds: root.openDB('sessionIds', { encoding: 'string' }),
    revocations: root.openDB('revocations', { encoding: 'msgpack' }),
    audit: root.openDB('audit', { encoding: 'msgpack' }),
    auditBy: root.openDB('auditBy', { encoding: 'binary' }),
  };
}

/**
 * Real MongoDB for tests: replica sets of one or three members and, to see it refused, a standalone. All on 127.0.0.1, in
 * temporary folders that go with them. Test files pass `mongodReason` as the `skip` of their tests.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MongoClient } from 'mongodb';
import { findMongod } from './mongod-binary.ts';
import { freePort, MongodProcess } from './mongod-process.ts';

const found = await findMongod();
/** Why no test can have a mongod here; null when it can. */
export const mongodReason: string | null = 'reason' in found ? found.reason : null;
process.stdout.write('path' in found ? `mongod: ${found.path} (${found.source})\n` : `${found.reason}\n`);

const SET_NAME = 'rs0';
const START_ATTEMPTS_MAX = 3;

export type ReplicaSet = {
  /** The set's address with a database name in it. */
  uri(database: string): string;
  /** The same with a name that no other call returns: a database of one's own. */
  freshUri(): string;
  readonly members: readonly MongodProcess[];
  /** The member that is primary now; rejects when there is none within 15 s. */
  primary(): Promise<MongodProcess>;
  /** Makes the primary give way and resolves when another member is primary. Needs three members. */
  stepDown(): Promise<void>;
  /** Kills every member and removes the data. */
  stop(): Promise<void>;
};

/** Resolves when the set has taken its first majority write: about 2 s for one member, 3 s for three. */
export async function startReplicaSet({ members: count }: { members: 1 | 3 }): Promise<ReplicaSet> {
  const { members, folder } = await startMembers(count, SET_NAME);
  const stop = () => stopMembers(members, folder);
  try {
    await initiate(members);
  } catch (error) {
    await stop();
    throw error;
  }
  const uri = (database: string) =>
    `mongodb://${members.map(({ address }) => address).join(',')}/${database}?replicaSet=${SET_NAME}`;
  const primary = () => primaryOf(members, uri('admin'));
  let databases = 0;
  return {
    uri,
    freshUri: () => uri(`test${++databases}`),
    members,
    primary,
    stop,
    async stepDown() {
      const before = await primary();
      // As short as it goes: while it lasts, this member cannot take over from the next primary.
      const command = { replSetStepDown: 3, secondaryCatchUpPeriodSecs: 2 };
      await withClient(direct(before), (client) => client.db('admin').command(command));
      while ((await primary()) === before);
    },
  };
}

export type Standalone = Pick<ReplicaSet, 'uri' | 'members' | 'stop'>;

/** A mongod that is no member of a set. */
export async function startStandalone(): Promise<Standalone> {
  const { members, folder } = await startMembers(1, null);
  const [member] = members as [MongodProcess];
  return {
    uri: (database) => `mongodb://${member.address}/${database}`,
    members,
    stop: () => stopMembers(members, folder),
  };
}

async function startMembers(count: number, replicaSet: string | null) {
  if (!('path' in found)) throw new Error(found.reason);
  const folder = await mkdtemp(join(tmpdir(), 'claimd-mongod-'));
  const options = { path: found.path, folder, replicaSet };
  const starts = await Promise.allSettled(Array.from({ length: count }, () => startOne(options)));
  const members = starts.flatMap((start) => (start.status === 'fulfilled' ? [start.value] : []));
  const failure = starts.find((start) => start.status === 'rejected');
  if (failure !== undefined) {
    await stopMembers(members, folder);
    throw failure.reason;
  }
  return { members, folder };
}

/** Somebody else may take a free port before mongod does; then another one is tried. */
async function startOne(options: { path: string; folder: string; replicaSet: string | null }): Promise<MongodProcess> {
  for (let attempt = 1; ; attempt++) {
    const member = new MongodProcess(await freePort(), options);
    try {
      await member.start();
      return member;
    } catch (error) {
      if (attempt === START_ATTEMPTS_MAX) throw error;
    }
  }
}

async function stopMembers(members: readonly MongodProcess[], folder: string): Promise<void> {
  await Promise.all(members.map((member) => member.kill('SIGKILL')));
  await rm(folder, { recursive: true, force: true });
}

async function initiate(members: readonly MongodProcess[]): Promise<void> {
  const config = {
    _id: SET_NAME,
    members: members.map(({ address }, index) => ({ _id: index, host: address })),
    settings: { electionTimeoutMillis: 2_000, heartbeatIntervalMillis: 500 },
  };
  const [first] = members as [MongodProcess];
  await withClient(direct(first), (client) => client.db('admin').command({ replSetInitiate: config }));
  await withClient(`mongodb://${first.address}/?replicaSet=${SET_NAME}`, (client) =>
    client
      .db('claimd_probe')
      .collection('probe')
      .insertOne({}, { writeConcern: { w: 'majority', journal: true } }),
  );
}

async function primaryOf(members: readonly MongodProcess[], uri: string): Promise<MongodProcess> {
  const { me } = await withClient(uri, (client) => client.db('admin').command({ hello: 1 }));
  const member = members.find(({ address }) => address === me);
  if (member === undefined) throw new Error(`no member at ${me}`);
  return member;
}

function direct({ address }: MongodProcess): string {
  return `mongodb://${address}/?directConnection=true`;
}

async function withClient<T>(uri: string, use: (client: MongoClient) => Promise<T>): Promise<T> {
  const client = new MongoClient(uri, { serverSelectionTimeoutMS: 15_000 });
  try {
    return await use(client);
  } finally {
    await client.close();
  }
}

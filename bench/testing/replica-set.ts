/**
 * A replica set of one member, or of as many as the argument says, as a process of its own, for the bench, which may not
 * import the server's test support but may run it. Prints `mongod ready uri=…` with DATABASE where the name of a database goes, or why there is none, and
 * ends when its stdin does or on SIGTERM.
 */
import { MongoClient } from 'mongodb';
import { mongodReason, startReplicaSet } from '../../server/testing/mongod.ts';

if (mongodReason !== null) {
  process.stdout.write(`mongod missing ${mongodReason}\n`);
} else {
  const set = await startReplicaSet({ members: process.argv[2] === '3' ? 3 : 1 });
  const pids = set.members.map(({ pid }) => pid).join(',');
  const client = await MongoClient.connect(set.uri('admin'));
  const { version } = await client.db().command({ buildInfo: 1 });
  await client.close();
  process.stdout.write(`mongod ready version=${version} pids=${pids} uri=${set.uri('DATABASE')}\n`);
  await new Promise<void>((resolve) => {
    process.on('SIGTERM', () => resolve());
    process.stdin.on('end', () => resolve()).resume();
  });
  await set.stop();
  process.exit(0);
}

/** The journal's contract on a replica set of one member. */
import { suite } from '../../../protocol/testing/kit.ts';
import { mongodReason, startReplicaSet } from '../../testing/mongod.ts';
import { journalContract } from '../journal-contract.ts';
import { Homes } from './testing/homes.ts';

const set = mongodReason === null ? await startReplicaSet({ members: 1 }) : null;

journalContract(
  'mongo',
  async () => {
    const homes = await Homes.open(set?.freshUri() ?? '');
    return { home: homes.home('node1'), rival: () => homes.home('node2'), close: () => homes.close() };
  },
  { secondOpener: 'elsewhere', skip: mongodReason },
);

suite('after all')('the replica set is stopped', async () => set?.stop());

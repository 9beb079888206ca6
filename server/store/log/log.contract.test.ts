import { join } from 'node:path';
import { realRuntime } from '../../lib/runtime.ts';
import { journalContract } from '../journal-contract.ts';
import { openLog } from './open.ts';
import { temporaryFolder } from './testing/temporary.ts';

journalContract(
  'log',
  async () => {
    const folder = temporaryFolder();
    const home = () => openLog({ directory: join(folder.path, 'journal'), nodeId: 'node-1', runtime: realRuntime });
    return { home: home(), rival: home, close: async () => folder.remove() };
  },
  { secondOpener: 'refused' },
);

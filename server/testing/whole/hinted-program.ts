/**
 * Run by a test as a process of its own, to be killed: `hinted-program DIRECTORY`. A claim server on the embedded store which
 * finds a few claims worth a hint. It says `writing` and `written` of hints, `taken` at a start that found one whole, and
 * `ready ADDRESS`, by plain writes.
 */
import { writeSync } from 'node:fs';
import { realRuntime } from '../../lib/runtime.ts';
import { openLmdbStore } from '../../store/lmdb/open.ts';
import { startServer } from '../servers.ts';

const CLAIMS_MIN = 100;
const [, , directory = ''] = process.argv;
const say = (line: string) => writeSync(1, `${line}\n`);

const store = await openLmdbStore({ directory, runtime: realRuntime, nodeId: 'test' });
const { hints } = store;
if (hints === undefined) throw new Error('a store without hints');
const told: typeof hints = {
  ...hints,
  claimsMin: CLAIMS_MIN,
  async read() {
    const pieces = await hints.read();
    if (pieces !== null) say('taken');
    return pieces;
  },
  async write(seed, pieces) {
    say('writing');
    await hints.write(seed, pieces);
    say('written');
  },
};
const { address } = await startServer({ ...store, hints: told }, { modeDefault: 'journal', projectionIntervalMs: 300 });
say(`ready ${address}`);

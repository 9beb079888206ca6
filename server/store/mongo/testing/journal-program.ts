/**
 * A node in a process of its own, which a test can freeze or kill: owns the journal at the URI and appends blocks without a
 * pause, two on their way, until it is fenced. A line for each block that is told: its sequence and what became of it.
 */

import { ClaimBlocks, usersOf } from './claim-blocks.ts';
import { Homes, opened } from './homes.ts';

const CLAIMS = 100;

const [, , uri = '', nodeId = '', leaseMs = ''] = process.argv;
const homes = await Homes.open(uri);
const timeouts = { leaseMs: Number(leaseMs), renewalMs: Number(leaseMs) / 4 };
const journal = await opened(homes.home(nodeId, { timeouts }), 'b1');
const blocks = new ClaimBlocks(journal);
let sequence = 0;

async function appendOn(): Promise<void> {
  for (let appended = 'DURABLE'; appended === 'DURABLE'; ) {
    const number = ++sequence;
    appended = await blocks.append(usersOf(`${nodeId}.${number}.`, CLAIMS));
    process.stdout.write(`${number} ${appended}\n`);
  }
}

await Promise.all([appendOn(), appendOn()]);
await homes.close();

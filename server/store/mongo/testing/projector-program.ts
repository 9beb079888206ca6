/** Projects the journal at the URI up to an offset, in steps of so many claims, until it is killed. */
import { realRuntime } from '../../../lib/runtime.ts';
import { openMongoStore } from '../open.ts';

const [, , uri = '', until = '', claimsMax = ''] = process.argv;
const store = await openMongoStore({ uri, runtime: realRuntime, nodeId: 'projecting' });
const projector = await store.projector();
for (let mark = 0; mark < Number(until); ) mark = (await projector.advance(Number(until), Number(claimsMax))).mark;
await store.close();

import { assert, rejection, suite } from '../../protocol/testing/kit.ts';
import { openProxy } from '../faults/proxy.ts';
import type { Claimd } from '../processes/claimd.ts';
import { withClaimd } from '../testing/running-claimd.ts';
import { type RaceOptions, race } from './race.ts';

const test = suite('race');

function doorsOf({ tcp, http, credentials: { service, signer } }: Claimd): Omit<RaceOptions, 'players' | 'duplicates'> {
  const edges = http === null ? [] : [`http://${http.host}:${http.port}`];
  return { servers: [`${tcp.host}:${tcp.port}`], edges, service, signer };
}

test('a claimd that runs wins it, without stock, with stock, and over cut connections', async () => {
  await withClaimd({ parts: 'both' }, async (claimd) => {
    const doors = doorsOf(claimd);
    const open = await race({ ...doors, players: 30, duplicates: 10 });
    assert.equal(open.faults, []);
    assert.equal(open.codes, { GRANTED: 30, ALREADY_CLAIMED: 270 });
    assert.equal([open.stored, open.doors.length], [30, 2]);

    const stocked = await race({ ...doors, players: 40, duplicates: 3, stock: 10 });
    assert.equal(stocked.faults, []);
    assert.equal(stocked.codes, { GRANTED: 10, ALREADY_CLAIMED: 20, SOLD_OUT: 90 });

    const proxy = await openProxy({ target: claimd.tcp });
    const servers = [proxy.address, ...doors.servers];
    const cut = proxy.cutAfter('toClient', { frames: 40, bytes: 10 });
    const torn = await race({ ...doors, servers, players: 30, duplicates: 20, tolerate: 'retries' });
    await cut;
    assert.equal(torn.faults, []);
    assert.is(torn.granted, 30);
    assert.ok((torn.retried.OUTCOME_UNKNOWN ?? 0) > 0, JSON.stringify(torn.retried));
    await proxy.close();

    // The event of the first race has all its claims already, of other players: the second look must not mix them up.
    const second = await race({ ...doors, players: 5, duplicates: 2, eventKey: open.eventKey });
    assert.equal([second.faults, second.stored], [[], 5]);
  });
});

test('an edge needs somebody who signs', async () => {
  const service = { serviceId: 's', key: 'k' };
  const options = { servers: ['127.0.0.1:1'], edges: ['http://127.0.0.1:1'], service, signer: null };
  assert.match((await rejection(race({ ...options, players: 1, duplicates: 1 }))).message, /token key/);
});

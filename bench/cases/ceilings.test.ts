import { assert, suite } from '../../protocol/testing/kit.ts';
import type { Job } from '../load/job.ts';
import { Processes } from '../processes/child.ts';
import { ANY_CORES } from '../processes/cores.ts';
import { Generator } from '../processes/generator.ts';
import { freshClaims } from './case.ts';
import { Ceilings } from './ceilings.ts';

const test = suite('ceilings of the load process');

const NOWHERE = { host: '127.0.0.1', port: 1 };

test('each shape is measured once, and the echo answers all of it', async () => {
  const processes = new Processes();
  try {
    const generator = await Generator.start(processes, undefined);
    const ceilings = new Ceilings({ processes, cores: ANY_CORES });
    const closed: Job = {
      dialect: { kind: 'resp' },
      target: NOWHERE,
      claims: freshClaims('bench-a'),
      batchClaims: 1,
      connections: 2,
      depth: 3,
      pace: { kind: 'closed' },
      warmUpMs: 0,
      measureMs: 50,
      claimsMax: 10,
    };
    const framed: Job = { ...closed, dialect: { kind: 'framed' } };
    for (const job of [closed, framed, { ...framed, batchClaims: 100 }]) {
      const perS = await ceilings.of(generator, job);
      assert.ok(perS !== null && perS > 0);
      assert.is(await ceilings.of(generator, job), perS);
    }
    assert.is(await ceilings.of(generator, { ...closed, pace: { kind: 'open', ratePerS: 10 } }), null);
    assert.equal(ceilings.figures.voids, []);
    assert.equal([...ceilings.figures.series.keys()], ['SET commands, 2 × 3', 'claims, 2 × 3', 'claims, 2 × 3 × 100']);
  } finally {
    await processes.close();
  }
});

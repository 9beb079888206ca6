/** A short version of `npm run soak -- freeze`; the pause needs its second to hold, so it cannot be much shorter. */
import { assert, suite } from '../../../protocol/testing/kit.ts';
import { mongodReason } from '../../../server/testing/mongod.ts';
import { runCampaign } from '../run.ts';
import { freeze } from './freeze.ts';

const test = suite('soak freeze');
const SEED = 20_261_122;

test(
  `a server that was frozen over a pause grants nothing when it wakes (seed ${SEED})`,
  async () => {
    const findings = await runCampaign(freeze, { seed: SEED, rounds: 1, length: 'short' });
    assert.equal(findings.violations, []);
    assert.ok((findings.rows[0]?.['granted before'] as number) > 100, findings.text());
  },
  { deadlineMs: 60_000, skip: mongodReason },
);

/** A short version of `npm run soak -- race2`. */
import { assert, suite } from '../../../protocol/testing/kit.ts';
import { mongodReason } from '../../../server/testing/mongod.ts';
import { runCampaign } from '../run.ts';
import { race2 } from './race.ts';

const test = suite('soak race');

test(
  'through two servers and two edges the guard alone gives everybody one claim and sells exactly the stock',
  async () => {
    const findings = await runCampaign(race2, { seed: 1, length: 'short' });
    assert.equal(findings.violations, []);
    assert.equal(
      findings.rows.map(({ granted }) => granted),
      [100, 50],
    );
  },
  { deadlineMs: 60_000, skip: mongodReason },
);

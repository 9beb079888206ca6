/** A short version of `npm run soak -- owner`; the lease of a frozen owner has to run out, so it cannot be much shorter. */
import { assert, suite } from '../../../protocol/testing/kit.ts';
import { mongodReason } from '../../../server/testing/mongod.ts';
import { runCampaign } from '../run.ts';
import { owner } from './owner.ts';

const test = suite('soak owner');
const SEED = 20_261_122;

test(
  `a frozen owner of the journal is followed by another, and wakes to grant nothing (seed ${SEED})`,
  async () => {
    const findings = await runCampaign(owner, { seed: SEED, rounds: 1, length: 'short' });
    assert.equal(findings.violations, []);
    assert.is(findings.rows.length, 1);
    assert.ok(findings.count('claims stored') > 100, findings.text());
  },
  { deadlineMs: 90_000, skip: mongodReason },
);

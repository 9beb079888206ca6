/** A short version of `npm run soak -- conflict`. */
import { assert, suite } from '../../../protocol/testing/kit.ts';
import { mongodReason } from '../../../server/testing/mongod.ts';
import { runCampaign } from '../run.ts';
import { conflict } from './conflict.ts';

const test = suite('soak conflict');

test(
  'claims that were planted by hand are found, recorded with the journaled ones, told of, and stay as they are',
  async () => {
    const findings = await runCampaign(conflict, { seed: 1, rounds: 1 });
    assert.equal(findings.violations, []);
    assert.is(findings.count('strangers planted'), 9);
    assert.is(findings.count('conflicts recorded'), 9);
    assert.is(findings.count('conflicts in the log'), 9);
  },
  { deadlineMs: 60_000, skip: mongodReason },
);

/** A short version of `npm run soak -- stores`. */
import { assert, suite } from '../../../protocol/testing/kit.ts';
import { mongodReason } from '../../../server/testing/mongod.ts';
import { runCampaign } from '../run.ts';
import { stores } from './stores.ts';

const test = suite('soak stores');
const SEED = 20_261_122;

test(
  'a store that is killed under load stops its own events, and comes back with all that it acknowledged',
  async () => {
    const findings = await runCampaign(stores, { seed: SEED, rounds: 1, length: 'short', mode: 'direct' });
    assert.equal(findings.violations, []);
    assert.ok(findings.count('claims stored') > 100, findings.text());
  },
  { deadlineMs: 90_000, skip: mongodReason },
);

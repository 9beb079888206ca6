/** A short version of `npm run soak -- mode`: each switch needs its second to settle. */
import { assert, suite } from '../../../protocol/testing/kit.ts';
import { runCampaign } from '../run.ts';
import { mode } from './mode.ts';

const test = suite('soak mode');
const SEED = 20_261_122;

test(
  `events that are switched under load lose nothing and grant nothing twice (seed ${SEED})`,
  async () => {
    const findings = await runCampaign(mode, { seed: SEED, rounds: 1, length: 'short' });
    assert.equal(findings.violations, []);
    assert.is(findings.count('switches'), 6);
    assert.ok(findings.count('answered GRANTED') > 100, findings.text());
    assert.ok(findings.count('answered BUSY') > 0, findings.text());
  },
  { deadlineMs: 60_000 },
);

/** A short version of `npm run soak -- hostile`: every attack that the server ends at once. */
import { assert, suite } from '../../../protocol/testing/kit.ts';
import { runCampaign } from '../run.ts';
import { hostile } from './hostile.ts';

const test = suite('soak hostile');
const SEED = 20_261_122;

test(
  `each attack ends as it must and others are served (seed ${SEED})`,
  async () => {
    const findings = await runCampaign(hostile, { seed: SEED, length: 'short' });
    assert.equal(findings.violations, []);
    assert.ok(findings.count('attacks') > 80, findings.text());
    assert.ok(findings.count('claims of others meanwhile') > 0, findings.text());
  },
  { deadlineMs: 60_000 },
);

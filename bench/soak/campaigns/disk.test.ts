/** A short version of `npm run soak -- disk`: claims cannot be written, while the journal still has room. */
import { assert, suite } from '../../../protocol/testing/kit.ts';
import { runCampaign } from '../run.ts';
import { smallDiskReason } from '../tmpfs.ts';
import { disk } from './disk.ts';

const test = suite('soak disk');
const SEED = 20_261_122;

test(
  `on a full disk the journal grants what is true, and all of it is stored when there is room (seed ${SEED})`,
  async () => {
    const findings = await runCampaign(disk, { seed: SEED, length: 'short' });
    assert.equal(findings.violations, []);
    assert.ok(findings.count('answered GRANTED') > 500, findings.text());
    assert.ok(findings.count('claims stored') >= findings.count('answered GRANTED'), findings.text());
  },
  { deadlineMs: 90_000, skip: await smallDiskReason() },
);

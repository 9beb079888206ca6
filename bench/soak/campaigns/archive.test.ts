/** A short, fixed version of `npm run soak -- archive`, on the store that is split by day. */
import { assert, suite } from '../../../protocol/testing/kit.ts';
import { mongodReason } from '../../../server/testing/mongod.ts';
import { runCampaign } from '../run.ts';
import { archive } from './archive.ts';

const test = suite('soak archive');
const SEED = 20_261_122;
const ROUNDS = 2;

test(
  `${ROUNDS} ends in the middle of an archive lose nothing (seed ${SEED})`,
  async () => {
    const asked = { seed: SEED, rounds: ROUNDS, store: 'mongo', mode: 'direct', length: 'short' } as const;
    const findings = await runCampaign(archive, asked);
    assert.equal(findings.violations, []);
    assert.is(findings.rows.length, ROUNDS + 2, findings.text());
    assert.ok(findings.count('claims archived') > 0);
  },
  { deadlineMs: 90_000, skip: mongodReason },
);

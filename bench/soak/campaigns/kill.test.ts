/** Short, fixed versions of `npm run soak -- kill`, on both stores. */
import { assert, suite } from '../../../protocol/testing/kit.ts';
import { mongodReason } from '../../../server/testing/mongod.ts';
import { runCampaign } from '../run.ts';
import { kill } from './kill.ts';

const test = suite('soak kill');
const SEED = 20_261_122;
const DEADLINE_MS = 60_000;

test(
  `three kills on the embedded store break no promise (seed ${SEED})`,
  async () => {
    const findings = await runCampaign(kill, { seed: SEED, rounds: 3, length: 'short' });
    assert.equal(findings.violations, []);
    assert.is(findings.count('kills in the middle of a sale'), 3);
    assert.ok(findings.count('unanswered at a kill') >= 300, findings.text());
    assert.ok(findings.count('claims stored') > 2_400, findings.text());
  },
  { deadlineMs: DEADLINE_MS },
);

test(
  `a kill on MongoDB breaks no promise (seed ${SEED})`,
  async () => {
    const findings = await runCampaign(kill, { seed: SEED, rounds: 1, store: 'mongo', length: 'short' });
    assert.equal(findings.violations, []);
    assert.is(findings.count('kills in the middle of a sale'), 1);
    assert.ok(findings.count('unanswered at a kill') >= 100, findings.text());
  },
  { deadlineMs: DEADLINE_MS, skip: mongodReason },
);

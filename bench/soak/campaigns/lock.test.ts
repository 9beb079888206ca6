/** Short versions of `npm run soak -- lock` and `npm run soak -- lostreply`. */
import { assert, suite } from '../../../protocol/testing/kit.ts';
import { mongodReason } from '../../../server/testing/mongod.ts';
import { runCampaign } from '../run.ts';
import { lock } from './lock.ts';
import { lostReply } from './lost-reply.ts';

const test = suite('soak lock and lost replies');
const SEED = 20_261_122;
const DEADLINE_MS = 60_000;

test(
  'a second process stops in one line, and after kill -9 the next start works at once',
  async () => {
    const findings = await runCampaign(lock, { seed: SEED, rounds: 1, length: 'short' });
    assert.equal(findings.violations, []);
    assert.is(findings.rows.length, 1);
  },
  { deadlineMs: DEADLINE_MS },
);

test(
  'a reply that is lost costs nothing: at once, by retry, after a restart',
  async () => {
    const findings = await runCampaign(lostReply, { seed: SEED, rounds: 1 });
    assert.equal(findings.violations, []);
    assert.is(findings.count('replies lost'), 2);
    assert.is(findings.count("REPLAYED by the client's own retry"), 2);
    assert.is(findings.count('REPLAYED after a restart'), 4);
  },
  { deadlineMs: DEADLINE_MS },
);

test(
  'a reply that is lost costs nothing: through another server',
  async () => {
    const findings = await runCampaign(lostReply, { seed: SEED, rounds: 1, store: 'mongo' });
    assert.equal(findings.violations, []);
    assert.is(findings.count('REPLAYED through another server'), 2);
  },
  { deadlineMs: DEADLINE_MS, skip: mongodReason },
);

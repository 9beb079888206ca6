/** Short, fixed versions of `npm run soak -- kill`, on both stores; both modes where servers are several. */
import { assert, suite } from '../../../protocol/testing/kit.ts';
import { mongodReason } from '../../../server/testing/mongod.ts';
import { runCampaign } from '../run.ts';
import { kill } from './kill.ts';

const test = suite('soak kill');
const SEED = 20_261_122;
const DEADLINE_MS = 60_000;

const CASES = [
  { store: 'lmdb', mode: 'journal', rounds: 2 },
  { store: 'mongo', mode: 'journal', rounds: 1 },
  { store: 'mongo', mode: 'direct', rounds: 1 },
] as const;

for (const { store, mode, rounds } of CASES) {
  test(
    `${rounds} × kill -9 on ${store} in mode ${mode} breaks no promise (seed ${SEED})`,
    async () => {
      const findings = await runCampaign(kill, { seed: SEED, rounds, store, mode, length: 'short' });
      assert.equal(findings.violations, []);
      assert.is(findings.count('kills in the middle of a sale'), rounds);
      assert.ok(findings.count('unanswered at a kill') >= 100 * rounds, findings.text());
      assert.ok(findings.count('claims stored') > 500 * rounds, findings.text());
    },
    { deadlineMs: DEADLINE_MS, skip: store === 'mongo' ? mongodReason : null },
  );
}

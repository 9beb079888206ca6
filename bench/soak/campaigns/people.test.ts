/** Short versions of `npm run soak -- logout` and `npm run soak -- logins`. */
import { assert, suite } from '../../../protocol/testing/kit.ts';
import { mongodReason } from '../../../server/testing/mongod.ts';
import { runCampaign } from '../run.ts';
import { logins } from './logins.ts';
import { logout } from './logout.ts';

const test = suite('soak people');

test(
  'a forced logout holds on both servers and both edges, and nobody else is refused',
  async () => {
    const findings = await runCampaign(logout, { seed: 1, rounds: 1, length: 'short' });
    assert.equal(findings.violations, []);
    assert.is(findings.rows.length, 1);
  },
  { deadlineMs: 90_000, skip: mongodReason },
);

test(
  'in a flood of logins claims are served, and who is turned away hears it',
  async () => {
    const findings = await runCampaign(logins, { seed: 1, length: 'short' });
    assert.equal(findings.violations, []);
    const codes = findings.rows.map(({ code }) => code);
    assert.ok(codes.includes('200'), 'some got in');
    assert.ok(codes.includes('503 BUSY') || codes.includes('429 RATE_LIMITED'), 'some were turned away');
  },
  { deadlineMs: 90_000 },
);

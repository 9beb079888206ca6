import { assert, suite } from '../../protocol/testing/kit.ts';
import { Findings } from './findings.ts';

const test = suite('soak findings');

test('rows are aligned, numbers to the right, and violations stand last', () => {
  const findings = new Findings();
  findings.row({ round: 1, said: 'yes' });
  findings.row({ round: 10, said: 'no' });
  findings.add('kills');
  findings.add('kills', 1_999);
  findings.expect(true, 'never told');
  findings.expect(false, 'a claim is gone');
  const rows = 'round  said\n    1  yes\n   10  no';
  assert.is(findings.text(), `${rows}\n\ncount  value\nkills  2,000\n\nVIOLATION a claim is gone`);
});

test('nothing found is no text', () => {
  assert.is(new Findings().text(), '');
});

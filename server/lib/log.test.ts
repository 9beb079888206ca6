import { assert, suite } from '../../protocol/testing/kit.ts';
import { createLog } from './log.ts';

const test = suite('log');

test('writes one JSON line and never a secret', () => {
  const lines: string[] = [];
  const log = createLog({ level: 'info', write: (line) => lines.push(line) });
  log.debug('not at this level');
  log.info(
    { user: 'u1', token: 'SECRET', client: { serviceKey: 'SECRET' }, headers: { authorization: 'SECRET' } },
    'in',
  );
  assert.is(lines.length, 1);
  const line = lines[0] as string;
  assert.ok(line.endsWith('\n') && !line.includes('SECRET'), line);
  const { level, msg, user, time } = JSON.parse(line);
  assert.equal({ level, msg, user }, { level: 'info', msg: 'in', user: 'u1' });
  assert.match(time, /^\d{4}-\d\d-\d\dT.*Z$/);
});

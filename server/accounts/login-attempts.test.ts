import { assert, suite } from '../../protocol/testing/kit.ts';
import { virtualTime } from '../../protocol/testing/virtual-time.ts';
import { type Admission, LoginAttempts } from './login-attempts.ts';

const test = suite('login attempts');
const rates = { account: { burst: 3, everyMs: 1_000 }, address: { burst: 5, everyMs: 100 } };
const isAdmitted = (admission: Admission) => !('retryAfterMs' in admission);

test('an account has its burst, then one attempt at a time', async () => {
  const time = virtualTime();
  const attempts = new LoginAttempts(time, rates);
  const admit = () => attempts.admit({ account: 'a', from: null });
  for (let i = 0; i < 3; i++) assert.ok(isAdmitted(admit()), `${i}`);
  assert.equal(admit(), { retryAfterMs: 1_000 });
  await time.advance(400);
  assert.equal(admit(), { retryAfterMs: 600 });
  await time.advance(600);
  assert.ok(isAdmitted(admit()));
  assert.not(isAdmitted(admit()));
  assert.ok(isAdmitted(attempts.admit({ account: 'b', from: null })), 'another account is not held up');
});

test('an address has one too, over all accounts; nobody’s and this machine’s have none', () => {
  const attempts = new LoginAttempts(virtualTime(), rates);
  const countFrom = (from: string | null) => {
    let count = 0;
    while (count < 20 && isAdmitted(attempts.admit({ account: `${from} ${count}`, from }))) count++;
    return count;
  };
  assert.is(countFrom('192.0.2.1'), 5);
  assert.is(countFrom('192.0.2.2'), 5);
  for (const from of [null, '127.0.0.1', '127.8.8.8', '::1', '::ffff:127.0.0.1']) assert.is(countFrom(from), 20);
});

test('an attempt that was refused for the address costs the account nothing', () => {
  const attempts = new LoginAttempts(virtualTime(), rates);
  for (let i = 0; i < 9; i++) attempts.admit({ account: `x${i}`, from: '192.0.2.1' });
  for (let i = 0; i < 9; i++) attempts.admit({ account: 'a', from: '192.0.2.1' });
  assert.ok(isAdmitted(attempts.admit({ account: 'a', from: '192.0.2.2' })));
});

test('a right password costs nothing, and never makes more than the burst', () => {
  const attempts = new LoginAttempts(virtualTime(), rates);
  for (let i = 0; i < 10; i++) {
    const admission = attempts.admit({ account: 'a', from: '192.0.2.1' });
    if ('retryAfterMs' in admission) throw new Error(`refused at ${i}`);
    admission.forgive();
    admission.forgive();
  }
  let count = 0;
  while (isAdmitted(attempts.admit({ account: 'a', from: null }))) count++;
  assert.is(count, 3);
});

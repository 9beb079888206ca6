import { assert, suite } from '../../protocol/testing/kit.ts';
import { STORE_CASES, stopStores } from '../testing/stores.ts';
import type { SignInAnswer } from './accounts.ts';
import { DOER, newTime, type People, peopleOn } from './testing/people.ts';
import type { UserAnswer } from './users.ts';

const test = suite('accounts');
const PASSWORD = 'correct horse';
const use = { deviceId: 'phone', userAgent: null, replace: false, doer: DOER };

function userOf(answer: UserAnswer) {
  if (!('user' in answer)) throw new Error(JSON.stringify(answer));
  return answer.user;
}
function signedInOf(answer: SignInAnswer) {
  if (!('signedIn' in answer)) throw new Error(JSON.stringify(answer));
  return answer.signedIn;
}
const codeOf = (answer: object | null) => (answer !== null && 'code' in answer ? answer.code : 'OK');

for (const { name, skip, withStores } of STORE_CASES) {
  const it = (says: string, body: (one: People, two: People) => Promise<void>) =>
    test(
      `${name}: ${says}`,
      () =>
        withStores(2, async (stores) => {
          const time = newTime();
          const [one, two] = stores.map((store, i) => peopleOn(store, time, `n${i}`));
          if (one === undefined || two === undefined) throw new Error('two handles');
          try {
            await body(one, two);
          } finally {
            await Promise.all([one.close(), two.close()]);
          }
        }),
      { skip },
    );

  it('one of several sign-ups gets a name, in whatever case, and the role USER', async (one, two) => {
    const answers = await Promise.all(
      ['Mira', 'mira', 'MIRA', 'ｍira'].map((name, i) => (i % 2 ? one : two).accounts.users.create(name, PASSWORD)),
    );
    assert.equal(answers.map(codeOf).sort(), ['OK', 'USERNAME_TAKEN', 'USERNAME_TAKEN', 'USERNAME_TAKEN']);
    const user = userOf(answers.find((answer) => 'user' in answer) as UserAnswer);
    assert.equal(user.roles, ['USER']);
    assert.is(codeOf(await one.accounts.users.create('a b', PASSWORD)), 'BAD_REQUEST');
    const signedIn = signedInOf(await two.accounts.login({ username: 'mIrA', password: PASSWORD }, use));
    assert.ok(signedIn.refreshToken !== null && signedIn.accessToken.startsWith(user.userId));
  });

  it('a wrong name and a wrong password are one answer, written down without what was typed', async (one) => {
    const user = userOf(await one.accounts.users.create('mira', PASSWORD));
    const wrong = await one.accounts.login({ username: 'mira', password: 'secret-of-mine' }, use);
    const unknown = await one.accounts.login({ username: 'secret-of-mine', password: PASSWORD }, use);
    const impossible = await one.accounts.login({ username: ' ', password: PASSWORD }, use);
    assert.equal([wrong, unknown, impossible], Array(3).fill({ code: 'BAD_CREDENTIALS' }));
    assert.equal(await one.actions(), Array(3).fill('login.refused'));
    assert.is(user.passwordHash?.includes(PASSWORD), false);
  });

  it('eleven wrong passwords are one too many, at once too, and a right one is not let in then', async (one) => {
    await one.accounts.users.create('mira', PASSWORD);
    const wrong = await Promise.all(
      Array.from({ length: 12 }, () => one.accounts.login({ username: 'mira', password: 'wrong' }, use)),
    );
    assert.equal(wrong.map(codeOf).sort(), [...Array(10).fill('BAD_CREDENTIALS'), 'RATE_LIMITED', 'RATE_LIMITED']);
    const right = await one.accounts.login({ username: 'MIRA', password: PASSWORD }, use);
    assert.is(codeOf(right), 'RATE_LIMITED');
    assert.ok('retryAfterMs' in right && right.retryAfterMs > 0 && right.retryAfterMs <= 10_000);
  });

  it('a new password ends the other sessions and goes on with this one', async (one, two) => {
    const { userId } = userOf(await one.accounts.users.create('mira', PASSWORD));
    const login = (deviceId: string, password = PASSWORD) =>
      one.accounts.login({ username: 'mira', password }, { ...use, deviceId });
    const [phone, laptop] = [signedInOf(await login('phone')), signedInOf(await login('laptop'))];
    const change = (current: string) =>
      two.accounts.changePassword(
        { userId, sessionId: phone.session.id },
        { current, next: 'battery staple', doer: DOER },
      );
    assert.is(codeOf(await change('wrong')), 'BAD_CREDENTIALS');
    assert.is(await change(PASSWORD), null);
    assert.is(
      codeOf(await one.accounts.refresh(laptop.refreshToken ?? '', { ...use, deviceId: 'laptop' })),
      'SESSION_ENDED',
    );
    assert.is(codeOf(await one.accounts.refresh(phone.refreshToken ?? '', use)), 'OK');
    assert.is(codeOf(await login('tablet')), 'BAD_CREDENTIALS');
    assert.is(codeOf(await login('tablet', 'battery staple')), 'OK');
  });

  it('of two password changes at once one is refused', async (one, two) => {
    const { userId } = userOf(await one.accounts.users.create('mira', PASSWORD));
    const changes = await Promise.all(
      [one, two].map(({ accounts }, i) =>
        accounts.changePassword({ userId, sessionId: 's.x' }, { current: PASSWORD, next: `password ${i}`, doer: DOER }),
      ),
    );
    assert.equal(changes.map(codeOf).sort(), ['BAD_CREDENTIALS', 'OK']);
  });

  it('erasure takes what is personal, every session and the name, and leaves the id', async (one, two) => {
    const { userId } = userOf(await one.accounts.users.create('mira', PASSWORD));
    const { refreshToken } = signedInOf(await one.accounts.login({ username: 'mira', password: PASSWORD }, use));
    assert.is(codeOf(await one.accounts.eraseSelf(userId, 'wrong', DOER)), 'BAD_CREDENTIALS');
    assert.is(await one.accounts.eraseSelf(userId, PASSWORD, DOER), null);
    const user = await two.accounts.users.byId(userId);
    assert.equal([user?.username, user?.usernameKey, user?.passwordHash, user?.roles], [null, null, null, []]);
    assert.is(codeOf(await two.accounts.refresh(refreshToken ?? '', use)), 'SESSION_ENDED');
    assert.equal(await one.accounts.sessions.ofUser(userId), []);
    assert.is(codeOf(await two.accounts.login({ username: 'mira', password: PASSWORD }, use)), 'BAD_CREDENTIALS');
    assert.is(await two.accounts.erase(userId, DOER), null, 'again, to finish what was begun');
    assert.is(codeOf(await two.accounts.users.create('mira', PASSWORD)), 'OK', 'the name is free');
    assert.is(codeOf(await two.accounts.erase('nobody', DOER)), 'USER_NOT_FOUND');
  });

  it('an admin is made once, by two servers too, and the last one stays', async (one, two) => {
    const made = await Promise.all([one, two].map(({ accounts }) => accounts.users.ensureAdmin('root', 'pw')));
    assert.ok(made.includes('MADE'), JSON.stringify(made));
    assert.equal(await one.accounts.users.ensureAdmin('other', 'pw'), 'EXISTS');
    const { session } = signedInOf(await one.accounts.login({ username: 'root', password: 'pw' }, use));
    const found = await one.accounts.sessions.find(session.id);
    const root = found?.userId ?? '';
    assert.is(codeOf(await one.accounts.users.setRoles(root, ['USER'], DOER)), 'LAST_ADMIN');
    assert.is(codeOf(await one.accounts.erase(root, DOER)), 'LAST_ADMIN');
    const second = userOf(await one.accounts.users.create('second', PASSWORD));
    assert.is(codeOf(await one.accounts.users.setRoles(second.userId, ['ADMIN', 'ADMIN'], DOER)), 'OK');
    const left = await Promise.all([
      one.accounts.users.setRoles(root, [], DOER),
      two.accounts.users.setRoles(second.userId, [], DOER),
    ]);
    assert.equal(left.map(codeOf).sort(), ['LAST_ADMIN', 'OK'], 'two who remove each other');
  });

  it('a name that somebody took is not promoted to admin', async (one) => {
    await one.accounts.users.create('root', PASSWORD);
    assert.equal(await one.accounts.users.ensureAdmin('root', 'pw'), { code: 'USERNAME_TAKEN' });
  });

  it('custom roles: made, changed, held, kept while held; built-in ones are code', async (one, two) => {
    const { roles, accounts } = one;
    const pauser = { name: 'PAUSER', permissions: ['events.write'] };
    assert.is(codeOf(await roles.create(pauser, DOER)), 'OK');
    assert.is(codeOf(await two.roles.create(pauser, DOER)), 'ROLE_EXISTS');
    assert.is(codeOf(await roles.create({ name: 'USER' }, DOER)), 'ROLE_EXISTS');
    const bad = await roles.create({ name: 'bad', permissions: ['events.write'], owner: 1 }, DOER);
    assert.equal('faults' in bad && bad.faults.map(({ field }) => field).sort(), ['name', 'owner']);
    const all = await roles.create({ name: 'bad', title: 1, permissions: ['nothing', 7, 'events.write'] }, DOER);
    const fields = 'faults' in all && all.faults.map(({ field }) => field).sort();
    assert.equal(fields, ['name', 'permissions[0]', 'permissions[1]', 'title'], 'everything at once');
    const unknown = await roles.create({ name: 'BAD', permissions: ['events.write', 'claims.make.any'] }, DOER);
    assert.equal('faults' in unknown && unknown.faults.map(({ field }) => field), ['permissions[1]']);
    assert.is(codeOf(await roles.change('ADMIN', {}, DOER)), 'ROLE_BUILT_IN');
    assert.is(codeOf(await roles.change('NONE', {}, DOER)), 'ROLE_NOT_FOUND');
    const changed = await roles.change('PAUSER', { title: 'Stops it' }, DOER);
    assert.equal('role' in changed && [changed.role.title, changed.role.permissions], ['Stops it', ['events.write']]);
    const { userId } = userOf(await accounts.users.create('mira', PASSWORD));
    assert.is(codeOf(await accounts.users.setRoles(userId, ['USER', 'PAUSER'], DOER)), 'OK');
    assert.is(codeOf(await two.roles.remove('PAUSER', DOER)), 'ROLE_IN_USE');
    await accounts.users.setRoles(userId, ['USER'], DOER);
    assert.is(codeOf(await two.roles.remove('PAUSER', DOER)), 'OK');
    assert.is(codeOf(await two.roles.remove('PAUSER', DOER)), 'ROLE_NOT_FOUND');
    assert.is(codeOf(await accounts.users.setRoles(userId, ['PAUSER'], DOER)), 'BAD_REQUEST');
    assert.equal(await roles.unknown(['ADMIN', 'PAUSER']), ['PAUSER']);
    assert.equal(await one.actions(), ['role.deleted', 'user.roles', 'user.roles', 'role.changed', 'role.created']);
  });
}

test('the stores are stopped', stopStores);

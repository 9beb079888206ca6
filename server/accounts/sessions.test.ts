import { assert, suite } from '../../protocol/testing/kit.ts';
import type { SessionRecord } from '../store/accounts.ts';
import { STORE_CASES, stopStores } from '../testing/stores.ts';
import { WRITES_MAX } from './parts.ts';
import { DAY_MS, DOER, newTime, type People, peopleOn, type Time } from './testing/people.ts';

const test = suite('sessions');
const PHONE = { deviceId: 'phone', userAgent: 'test' };
const open = { ...PHONE, replace: false, doer: DOER };
const refresh = { ...PHONE, doer: DOER };

for (const { name, skip, withStores } of STORE_CASES) {
  type World = { one: People; two: People; time: Time };
  const inWorld = (use: (world: World) => Promise<void>) =>
    withStores(2, async (stores) => {
      const time = newTime();
      const [one, two] = stores.map((store, i) => peopleOn(store, time, `n${i}`));
      if (one === undefined || two === undefined) throw new Error('two handles');
      try {
        await use({ one, two, time });
      } finally {
        await Promise.all([one.close(), two.close()]);
      }
    });
  const it = (says: string, use: (world: World) => Promise<void>) =>
    test(`${name}: ${says}`, () => inWorld(use), { skip, deadlineMs: 60_000 });

  async function opened({ accounts }: People, deviceId = 'phone') {
    const session = await accounts.sessions.open('u1', { ...open, deviceId });
    if (session?.refreshToken == null) throw new Error('no new session');
    return { sessionId: session.session.sessionId, token: session.refreshToken };
  }

  async function refreshed({ accounts }: People, token: string, deviceId = 'phone') {
    const answer = await accounts.sessions.refresh(token, { ...refresh, deviceId });
    return typeof answer === 'string' ? answer : answer.refreshToken;
  }

  it('200 parallel refreshes of one token through two servers have one successor; a replay ends it', async (world) => {
    const { one, two } = world;
    const { token } = await opened(one);
    const answers = await Promise.all(Array.from({ length: 200 }, (_, i) => refreshed(i % 2 === 0 ? one : two, token)));
    const successors = new Set(answers);
    assert.is(successors.size, 1);
    const [successor] = successors as Set<string>;
    assert.not(successor === token || successor === 'ENDED');
    assert.is(await refreshed(two, token, 'laptop'), 'ENDED', 'the predecessor from elsewhere');
    for (const people of [one, two]) assert.is(await refreshed(people, successor as string), 'ENDED');
    assert.equal(await one.actions(), ['session.ended']);
  });

  it('parallel logins on a device make one session, and one refresh token', async ({ one, two }) => {
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, i) => (i % 2 === 0 ? one : two).accounts.sessions.open('u1', open)),
    );
    assert.is(new Set(answers.map((answer) => answer?.session.sessionId)).size, 1);
    assert.is(answers.filter((answer) => answer?.refreshToken != null).length, 1);
  });

  it('a lost reply: after 5 s the same token gets the same successor, after 31 s it ends the session', async (world) => {
    const { one, two, time } = world;
    const { token } = await opened(one);
    const successor = await refreshed(one, token);
    time.now += 5_000;
    assert.is(await refreshed(two, token), successor);
    time.now += 26_000;
    assert.is(await refreshed(two, token), 'ENDED');
    assert.is(await refreshed(one, successor), 'ENDED');
  });

  it('an older token than the last ends the session, within the 30 s too', async ({ one }) => {
    const { token } = await opened(one);
    const second = await refreshed(one, token);
    const third = await refreshed(one, second);
    assert.is(await refreshed(one, token), 'ENDED');
    assert.is(await refreshed(one, third), 'ENDED');
  });

  it('the good token from another device is refused and ends nothing; nonsense ends nothing', async ({ one }) => {
    const { token, sessionId } = await opened(one);
    assert.is(await refreshed(one, token, 'laptop'), 'FOREIGN');
    for (const forged of ['', 'x', `${sessionId}.${'A'.repeat(64)}`, `${token}x`]) {
      assert.is(await refreshed(one, forged), 'ENDED');
    }
    assert.is.not(await refreshed(one, token), 'ENDED');
    assert.equal(await one.actions(), []);
  });

  it('it ends after 14 idle days and after 90 days whatever is done', async ({ one, time }) => {
    let { token } = await opened(one);
    for (let day = 13; day < 90; day += 13) {
      time.now += 13 * DAY_MS;
      token = await refreshed(one, token);
      assert.is.not(token, 'ENDED', `day ${day}`);
    }
    time.now += 13 * DAY_MS;
    assert.is(await refreshed(one, token), 'ENDED', 'day 91');
    const idle = await opened(one, 'laptop');
    time.now += 14 * DAY_MS;
    assert.is(await refreshed(one, idle.token), 'ENDED');
  });

  it('ten devices, then the one used least recently is ended and revoked', async ({ one, time }) => {
    const devices: { sessionId: string; token: string }[] = [];
    for (let i = 0; i < 10; i++) {
      time.now += 1_000;
      devices.push(await opened(one, `d${i}`));
    }
    time.now += 1_000;
    await refreshed(one, devices[0]?.token as string, 'd0');
    time.now += 1_000;
    await opened(one, 'd10');
    const live = await one.accounts.sessions.ofUser('u1');
    assert.equal(
      live.map(({ deviceId }) => deviceId),
      ['d10', 'd0', 'd9', 'd8', 'd7', 'd6', 'd5', 'd4', 'd3', 'd2'],
    );
    assert.is(await refreshed(one, devices[1]?.token as string, 'd1'), 'ENDED');
    assert.equal(
      one.revoked.map(({ sessionId }) => sessionId),
      [devices[1]?.sessionId],
    );
  });

  it('a replaced session is another one, and the old is revoked and dead', async ({ one, two }) => {
    const { token, sessionId } = await opened(one);
    const again = await two.accounts.sessions.open('u1', open);
    assert.equal([again?.session.sessionId, again?.refreshToken], [sessionId, null]);
    const replaced = await two.accounts.sessions.open('u1', { ...open, replace: true });
    assert.is.not(replaced?.session.sessionId, sessionId);
    assert.is(await refreshed(one, token), 'ENDED');
    assert.equal(
      two.revoked.map((revocation) => revocation.sessionId),
      [sessionId],
    );
    assert.is.not(await refreshed(one, replaced?.refreshToken as string), 'ENDED');
  });

  it('a refresh that races with the end of its session never outlives it', async ({ one, two }) => {
    for (let round = 0; round < 5; round++) {
      const { token, sessionId } = await opened(one, `r${round}`);
      const session = await one.accounts.sessions.find(sessionId);
      if (session === null) throw new Error('no session');
      const [successor] = await Promise.all([
        refreshed(two, token, `r${round}`),
        one.accounts.sessions.end(session, { reason: 'forced', doer: DOER }),
      ]);
      assert.is(await refreshed(two, successor === 'ENDED' ? token : successor, `r${round}`), 'ENDED');
    }
  });

  for (const { lost, says } of [
    { lost: WRITES_MAX, says: 'a refresh that loses every race says BUSY and has changed nothing' },
    { lost: WRITES_MAX - 1, says: 'one that wins the last of them is carried out' },
  ]) {
    test(
      `${name}: ${says}`,
      () =>
        withStores(1, async ([store]) => {
          if (store === undefined) throw new Error('no store');
          const time = newTime();
          const sane = peopleOn(store, time);
          const { token, sessionId } = await opened(sane);
          let races = 0;
          const { sessions } = store.accounts;
          // Each time that it has read the session somebody else writes it first.
          const outpaced = {
            bySessionId: (id: string) => sessions.bySessionId(id),
            async replace(record: SessionRecord) {
              const session = races++ < lost ? await sessions.bySessionId(sessionId) : null;
              if (session !== null) await sessions.replace({ ...session, revision: session.revision + 1 });
              return sessions.replace(record);
            },
          };
          const unlucky = peopleOn(
            { ...store, accounts: { ...store.accounts, sessions: { ...sessions, ...outpaced } as typeof sessions } },
            time,
          );
          const answer = await unlucky.accounts.refresh(token, refresh);
          assert.is(races, WRITES_MAX);
          assert.is('code' in answer && answer.code === 'BUSY', lost === WRITES_MAX);
          const successor = await refreshed(sane, token);
          assert.is.not(successor, 'ENDED');
          assert.is(await refreshed(sane, successor), await refreshed(sane, successor), 'the session goes on');
          assert.equal(await sane.actions(), []);
          await Promise.all([sane.close(), unlucky.close()]);
        }),
      { skip, deadlineMs: 60_000 },
    );
  }

  it('records of ended sessions do not pile up', async ({ one, time }) => {
    for (let i = 0; i < 45; i++) {
      time.now += 1_000;
      await opened(one, `d${i}`);
    }
    assert.is((await one.accounts.sessions.ofUser('u1')).length, 10);
    assert.is(await one.recordCount('u1'), 41);
  });
}

test('the stores are stopped', stopStores);

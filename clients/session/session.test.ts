import { assert, rejection, suite } from '../../protocol/testing/kit.ts';
import { createSession, type Session, type SessionOptions } from './session.ts';
import { AccountsServer } from './testing/accounts-server.ts';

const test = suite('session');
const ME = '/v1/me';
const RIGHT = { username: 'ann', password: 'right' };

function memory() {
  const entries = new Map<string, string>();
  return {
    entries,
    get: async (key: string) => entries.get(key),
    set: async (key: string, value: string) => void entries.set(key, value),
    remove: async (key: string) => void entries.delete(key),
  };
}
type Stage = {
  server: AccountsServer;
  session: Session;
  storage: ReturnType<typeof memory>;
  /** Of another tab: the same storage. */
  another(): Session;
  ended: () => number;
};

async function withSession(run: (stage: Stage) => Promise<void>, options: Partial<SessionOptions> = {}): Promise<void> {
  const server = await AccountsServer.start();
  const storage = memory();
  let ended = 0;
  const given = { baseUrl: `${server.baseUrl}/`, storage, deviceId: 'phone', onEnded: () => void ended++, ...options };
  const another = () => createSession(given);
  try {
    await run({ server, storage, session: another(), another, ended: () => ended });
  } finally {
    await server.stop();
  }
}

test('login keeps the tokens in the storage and requests carry the access token', async () => {
  await withSession(async ({ server, session, storage, another }) => {
    assert.is(await session.accessToken(), null);
    const reply = await session.login(RIGHT);
    assert.is(reply.code === 'OK' && reply.session.deviceId, 'phone');
    assert.equal(JSON.parse(server.seen[0]?.body ?? ''), { ...RIGHT, deviceId: 'phone' });
    const response = await session.fetch(ME, { method: 'POST', headers: { 'x-test': '1' }, body: '{"a":1}' });
    assert.equal(await response.json(), { body: '{"a":1}' });
    assert.is(server.seen[1]?.authorization, 'Bearer access-0');
    assert.is(await another().accessToken(), 'access-0');
    assert.is(storage.entries.size, 1);
  });
});

test('a refused login is an answer; nobody signed in sends no token and is not refreshed', async () => {
  await withSession(async ({ server, session, storage, ended }) => {
    const reply = await session.login({ ...RIGHT, password: 'wrong' });
    assert.is(reply.code, 'BAD_CREDENTIALS');
    assert.is((await session.fetch(ME)).status, 401);
    assert.is(server.seen[1]?.authorization, undefined);
    assert.equal([storage.entries.size, server.refreshes, ended(), await session.refresh()], [0, 0, 0, null]);
  });
});

test('a second login on the device keeps the refresh token that is there', async () => {
  await withSession(async ({ server, session }) => {
    await session.login(RIGHT);
    await session.login(RIGHT);
    server.endAccessTokens();
    assert.is((await session.fetch(ME)).status, 200);
    assert.match(server.seen.at(-2)?.body ?? '', /"refreshToken":"refresh-0"/);
  });
});

test('many requests refused at once make one refresh and are each made once more', async () => {
  await withSession(async ({ server, session }) => {
    await session.login(RIGHT);
    server.endAccessTokens();
    const sent = Array.from({ length: 20 }, (_, i) => session.fetch(ME, { method: 'POST', body: String(i) }));
    const responses = await Promise.all(sent);
    const bodies = await Promise.all(responses.map((response) => response.json()));
    assert.equal(
      bodies,
      Array.from({ length: 20 }, (_, i) => ({ body: String(i) })),
    );
    assert.is(server.refreshes, 1);
    assert.is(server.seen.filter(({ url }) => url === ME).length, 40);
  });
});

test('who is refused late finds the token that somebody else got meanwhile, in this tab or another', async () => {
  await withSession(async ({ server, session, another }) => {
    await session.login(RIGHT);
    server.endAccessTokens();
    const tabs = [session, another(), another()];
    const statuses = await Promise.all(tabs.map(async (tab) => (await tab.fetch(ME)).status));
    assert.equal(statuses, [200, 200, 200]);
    server.endAccessTokens();
    assert.is(await session.refresh(), 'access-2');
    const before = server.refreshes;
    assert.is((await another().fetch(ME)).status, 200);
    assert.is(server.refreshes, before);
  });
});

test('a lost reply to a refresh, cut at once or in its middle, costs nothing: the same token is presented again', async () => {
  for (const loss of ['whole', 'half'] as const) {
    await withSession(async ({ server, session }) => {
      await session.login(RIGHT);
      server.endAccessTokens();
      server.losses = [loss];
      assert.is((await session.fetch(ME)).status, 200, loss);
      const presented = server.seen.filter(({ url }) => url === '/v1/auth/refresh').map(({ body }) => body);
      assert.is(presented.length, 2);
      assert.is(presented[0], presented[1]);
    });
  }
});

test('when every reply is lost the request rejects, and the next one presents the same token', async () => {
  await withSession(async ({ server, session, ended }) => {
    await session.login(RIGHT);
    server.endAccessTokens();
    server.losses = ['whole', 'whole'];
    server.endAccessTokens();
    await rejection(session.fetch(ME));
    server.endAccessTokens();
    assert.is((await session.fetch(ME)).status, 200);
    assert.is(ended(), 0);
  });
});

test('an ended session is forgotten and told once; the answer is the 401 of the request', async () => {
  await withSession(async ({ server, session, storage, ended }) => {
    await session.login(RIGHT);
    server.endAccessTokens();
    server.refusal = [401, 'SESSION_ENDED'];
    const responses = await Promise.all([session.fetch(ME), session.fetch(ME)]);
    assert.equal(
      responses.map(({ status }) => status),
      [401, 401],
    );
    assert.equal([ended(), storage.entries.size], [1, 0]);
  });
});

test('an edge that is busy ends nothing: everybody gets its answer and the tokens stay', async () => {
  await withSession(async ({ server, session, storage, ended }) => {
    await session.login(RIGHT);
    server.endAccessTokens();
    server.refusal = [503, 'BUSY'];
    const responses = await Promise.all([session.fetch(ME), session.fetch(ME)]);
    const codes = await Promise.all(responses.map(async (response) => (await response.json()) as { code: string }));
    assert.equal(
      codes.map(({ code }) => code),
      ['BUSY', 'BUSY'],
    );
    assert.equal([ended(), storage.entries.size], [0, 1]);
    server.refusal = null;
    assert.is((await session.fetch(ME)).status, 200);
  });
});

test('one retry and no more; a wrong password and a stream are not retried at all', async () => {
  await withSession(async ({ server, session }) => {
    await session.login(RIGHT);
    const wrong = await session.fetch('/v1/auth/password', { method: 'POST', body: '{}' });
    assert.equal([wrong.status, server.refreshes], [401, 0]);
    server.endAccessTokens();
    const body = new Blob(['x']).stream();
    const streamed = await session.fetch(ME, { method: 'POST', body, duplex: 'half' } as RequestInit);
    assert.equal([streamed.status, server.refreshes], [401, 0]);
    const before = server.seen.length;
    // Good for the refresh, refused again at the request itself.
    const sent = session.fetch(ME);
    const gate = new Promise<void>((resolve) => setImmediate(resolve));
    server.gate = gate;
    assert.ok([200, 401].includes((await sent).status));
    assert.is(server.seen.length, before + 3);
  });
});

test('whoever signs out during a refresh stays signed out', async () => {
  await withSession(async ({ server, session, storage }) => {
    await session.login(RIGHT);
    server.endAccessTokens();
    let open = () => {};
    server.gate = new Promise<void>((resolve) => {
      open = resolve;
    });
    const refreshed = session.refresh();
    while (server.refreshes === 0) await new Promise((resolve) => setImmediate(resolve));
    storage.entries.clear();
    open();
    assert.is(await refreshed, null);
    assert.is(storage.entries.size, 0);
  });
});

test('logout tells the edge and forgets the tokens, also when the edge is away', async () => {
  await withSession(async ({ server, session, storage }) => {
    await session.login(RIGHT);
    await session.logout();
    assert.equal([server.seen.at(-1)?.url, storage.entries.size], ['/v1/auth/logout', 0]);
    await session.login({ ...RIGHT, replaceSession: true });
    await server.stop();
    await rejection(session.logout());
    assert.is(storage.entries.size, 0);
  });
});

test('tokens go nowhere but to the base address; rubbish in the storage is nobody signed in', async () => {
  await withSession(async ({ session, storage }) => {
    for (const path of ['https://other.test/v1/me', 'v1/me', '', '@other.test/']) {
      await rejection(session.fetch(path));
    }
    for (const text of ['', '{', 'null', '[]', '{"accessToken":1}', '"x"']) {
      storage.entries.set('claimd.session', text);
      assert.is(await session.accessToken(), null, text);
    }
  });
});

test('the fetch that is handed in is used, and is called as nobody’s method', async () => {
  let receiver: unknown = 'none';
  async function strict(this: unknown, ...args: Parameters<typeof globalThis.fetch>): Promise<Response> {
    receiver = this;
    return globalThis.fetch(...args);
  }
  await withSession(
    async ({ session }) => {
      await session.login(RIGHT);
      assert.is(receiver, undefined);
    },
    { fetch: strict as typeof globalThis.fetch },
  );
});

/** Every op by everybody, on a running server: the hand-written table, cell by cell. */
import { type Client, connect } from '../../clients/index.ts';
import type { RequestName } from '../../protocol/ops.ts';
import { assert, suite } from '../../protocol/testing/kit.ts';
import { SERVICE_ROLES, type ServiceRole } from '../session/principal.ts';
import { serviceKeysOf } from '../session/service-keys.ts';
import { OP_TABLE, WHO } from '../session/testing/op-table.ts';
import { AccountClient, type ActorTuple } from '../testing/account-client.ts';
import { startServer } from '../testing/servers.ts';
import { STORE_CASES, stopStores } from '../testing/stores.ts';

const test = suite('permitted');
const [lmdb] = STORE_CASES;

/** Arguments after the actor that the op takes, about nothing that exists; those left out are null. */
const ARGUMENTS: { [K in RequestName]?: readonly unknown[] } = {
  CLAIM: ['none', null, 'r1'],
  CLAIM_BY_REQUEST: [null, 'r1'],
  CLAIM_BATCH: ['none', 'b1', ['u1']],
  EVENT_CREATE: [{}],
  EVENT_CHANGE: ['none', {}],
  EVENT_GET: ['none'],
  EVENT_PAUSE: ['none'],
  EVENT_RESUME: ['none'],
  EVENT_MODE: ['none', 'direct'],
  QUALIFY: ['none', ['u1']],
  DISQUALIFY: ['none', ['u1']],
  QUALIFIED: ['none', 'u1'],
  REGISTER: ['a b', 'correct horse'],
  LOGIN: ['nobody', 'correct horse', 'phone'],
  REFRESH: ['none', 'phone'],
  SESSION_END: ['none'],
  PASSWORD_CHANGE: ['wrong', 'correct horse'],
  ERASE_SELF: ['wrong'],
  USER_ROLES_SET: ['none', ['USER']],
  USER_LOGOUT: ['none'],
  USER_ERASE: ['none'],
  ROLE_CREATE: [{}],
  ROLE_CHANGE: ['NONE', {}],
  ROLE_DELETE: ['NONE'],
};
/** They belong to the connection, which answers them itself. */
const OF_THE_CONNECTION: readonly RequestName[] = ['HELLO', 'PING'];
const ROUTED = OP_TABLE.filter(({ op }) => !OF_THE_CONNECTION.includes(op));

const roleOf = (who: string) => SERVICE_ROLES.find((role) => role === who);
const isService = (who: string) => roleOf(who) !== undefined || who === '(none)';
const keyOf = (i: number) => new Uint8Array(32).fill(i + 1);

type World = {
  codeOf(who: string, op: RequestName): Promise<string>;
  codeFor(actor: ActorTuple, op: RequestName, as: string): Promise<string>;
  account: AccountClient;
};

async function inWorld(use: (world: World) => Promise<void>): Promise<void> {
  await lmdb?.withStores(1, async ([store]) => {
    if (store === undefined) throw new Error('one handle');
    const services = WHO.filter(isService);
    const keys = services.map((who, i) => ({
      service: { serviceId: who, roles: new Set<ServiceRole>([roleOf(who) ?? []].flat()) },
      key: keyOf(i),
      hasImplicitRoles: false,
    }));
    const own = {
      service: { serviceId: 'test', roles: new Set(SERVICE_ROLES) },
      key: keyOf(6),
      hasImplicitRoles: false,
    };
    const serviceKeys = serviceKeysOf([...keys, own], (length) => new Uint8Array(length));
    const running = await startServer(store, { serviceKeys });
    const clients = new Map<string, Client>();
    try {
      for (const [i, who] of services.entries()) {
        clients.set(who, await connect({ servers: running.address, serviceId: who, serviceKey: keyOf(i) }));
      }
      const ask = async (who: string, op: RequestName, actor: ActorTuple | null) => {
        const args = [actor, ...(ARGUMENTS[op] ?? [])] as never;
        return ((await clients.get(who)?.request(op as 'ME', args, { retry: 'never' })) ?? { code: 'NO CLIENT' }).code;
      };
      await store.accounts.roles.create({ ...PAUSER, title: '', description: '', revision: 1 });
      await use({
        account: new AccountClient(running.client),
        codeOf: (who, op) => {
          if (isService(who)) return ask(who, op, null);
          return ask('edge', op, [`user-${who}`, 'cli', [who], Date.now(), null]);
        },
        codeFor: (actor, op, as) => ask(as, op, actor),
      });
    } finally {
      for (const client of clients.values()) client.close();
      await running.stop();
    }
  });
}
const PAUSER = { name: 'PAUSER', permissions: ['events.write'] };

test('every op by everybody: let in or FORBIDDEN as the table says', () =>
  inWorld(async ({ codeOf }) => {
    for (const { op, reach } of ROUTED) {
      for (const [who, expected] of reach) {
        // A logout takes all tokens without a session along, and nobody here is done yet.
        if (op === 'LOGOUT' && !isService(who)) continue;
        const code = await codeOf(who, op);
        assert.is(code === 'FORBIDDEN', expected === 'none', `${op} by ${who}: ${code}`);
        assert.not(
          ['INTERNAL', 'OP_UNKNOWN', 'SESSION_ENDED', 'NO CLIENT'].includes(code) && op !== 'REFRESH',
          `${op}: ${code}`,
        );
      }
    }
  }));

test('every op of an ended session is SESSION_ENDED, whatever roles the token says', () =>
  inWorld(async ({ account, codeFor }) => {
    const { actor } = await account.signUp('mira');
    await account.done('LOGOUT', actor);
    const [userId, sessionId] = actor;
    for (const { op } of ROUTED) {
      for (const roles of [['USER'], ['ADMIN']]) {
        assert.is(await codeFor([userId, sessionId, roles, null, null], op, 'edge'), 'SESSION_ENDED', op);
      }
    }
  }));

test('nobody but an edge speaks for a user', () =>
  inWorld(async ({ codeFor }) => {
    for (const who of WHO.filter((name) => isService(name) && name !== 'edge')) {
      for (const { op } of ROUTED) {
        assert.is(await codeFor(['u1', 'cli', ['ADMIN'], Date.now(), null], op, who), 'FORBIDDEN', `${op} by ${who}`);
      }
    }
  }));

test('the stores are stopped', stopStores);

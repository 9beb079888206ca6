/** Every route by everybody, over HTTP: an edge and a server that run, and each cell's status as it is written here. */
import type { CallName } from '../../../clients/client.ts';
import { ROUTES } from '../../../edge/routes/table.ts';
import { playerAt } from '../../../edge/testing/live.ts';
import { assert, suite } from '../../../protocol/testing/kit.ts';
import { signAccessToken } from '../../session/access-token.ts';
import { OP_TABLE } from '../../session/testing/op-table.ts';
import { TOKENS } from '../servers.ts';
import { STORE_CASES, stopStores } from '../stores.ts';
import { msUntil, type Person, signedIn, signedUp } from './http.ts';
import { type Asking, CLAIMED, REQUESTS, type Stage } from './route-requests.ts';
import { type Node, withSite } from './site.ts';

const test = suite('routes by roles');
const [lmdb] = STORE_CASES;

// PAUSER is a custom role that holds events.write. Whose session has ended, or whose token has expired, was an ADMIN.
const TABLE = `
  route                                           | nobody | USER | OPERATOR | AUDITOR | ADMIN | PAUSER | ended | expired
  POST /v1/events/:eventKey/claims                | 401    | 201  | 201      | 201     | 201   | 201    | 401   | 401
  GET /v1/claims/by-request/:requestId            | 401    | 200  | 200      | 200     | 200   | 200    | 401   | 401
  GET /v1/me/claims                               | 401    | 200  | 200      | 200     | 200   | 200    | 401   | 401
  GET /v1/claims                                  | 401    | 403  | 200      | 200     | 200   | 403    | 401   | 401
  GET /v1/events                                  | 401    | 200  | 200      | 200     | 200   | 200    | 401   | 401
  POST /v1/events                                 | 401    | 403  | 201      | 403     | 201   | 201    | 401   | 401
  GET /v1/events/:eventKey                        | 401    | 200  | 200      | 200     | 200   | 200    | 401   | 401
  PATCH /v1/events/:eventKey                      | 401    | 403  | 200      | 403     | 200   | 200    | 401   | 401
  POST /v1/events/:eventKey/pause                 | 401    | 403  | 200      | 403     | 200   | 200    | 401   | 401
  POST /v1/events/:eventKey/resume                | 401    | 403  | 200      | 403     | 200   | 200    | 401   | 401
  POST /v1/events/:eventKey/mode                  | 401    | 403  | 200      | 403     | 200   | 200    | 401   | 401
  PUT /v1/events/:eventKey/qualifications         | 401    | 403  | 200      | 403     | 200   | 403    | 401   | 401
  DELETE /v1/events/:eventKey/qualifications      | 401    | 403  | 200      | 403     | 200   | 403    | 401   | 401
  GET /v1/events/:eventKey/qualifications/:userId | 401    | 403  | 200      | 200     | 200   | 403    | 401   | 401
  POST /v1/auth/register                          | 201    | 201  | 201      | 201     | 201   | 201    | 201   | 201
  POST /v1/auth/login                             | 200    | 200  | 200      | 200     | 200   | 200    | 200   | 200
  POST /v1/auth/refresh                           | 200    | 200  | 200      | 200     | 200   | 200    | 200   | 200
  POST /v1/auth/logout                            | 401    | 204  | 204      | 204     | 204   | 204    | 401   | 401
  POST /v1/auth/password                          | 401    | 204  | 204      | 204     | 204   | 204    | 401   | 401
  GET /v1/me                                      | 401    | 200  | 200      | 200     | 200   | 200    | 401   | 401
  DELETE /v1/me                                   | 401    | 204  | 204      | 204     | 204   | 204    | 401   | 401
  GET /v1/me/sessions                             | 401    | 200  | 200      | 200     | 200   | 200    | 401   | 401
  DELETE /v1/me/sessions/:sessionId               | 401    | 204  | 204      | 204     | 204   | 204    | 401   | 401
  GET /v1/users                                   | 401    | 403  | 403      | 200     | 200   | 403    | 401   | 401
  PUT /v1/users/:userId/roles                     | 401    | 403  | 403      | 403     | 200   | 403    | 401   | 401
  POST /v1/users/:userId/logout                   | 401    | 403  | 403      | 403     | 204   | 403    | 401   | 401
  DELETE /v1/users/:userId                        | 401    | 403  | 403      | 403     | 204   | 403    | 401   | 401
  GET /v1/roles                                   | 401    | 403  | 403      | 200     | 200   | 403    | 401   | 401
  POST /v1/roles                                  | 401    | 403  | 403      | 403     | 201   | 403    | 401   | 401
  PATCH /v1/roles/:roleName                       | 401    | 403  | 403      | 403     | 200   | 403    | 401   | 401
  DELETE /v1/roles/:roleName                      | 401    | 403  | 403      | 403     | 204   | 403    | 401   | 401
  GET /v1/audit                                   | 401    | 403  | 403      | 200     | 200   | 403    | 401   | 401
  GET /v1/stores                                  | 401    | 403  | 200      | 200     | 200   | 403    | 401   | 401
  GET /v1/live                                    | 400    | 400  | 400      | 400     | 400   | 400    | 400   | 400
  GET /healthz                                    | 200    | 200  | 200      | 200     | 200   | 200    | 200   | 200
  GET /readyz                                     | 200    | 200  | 200      | 200     | 200   | 200    | 200   | 200
  GET /metrics                                    | 200    | 200  | 200      | 200     | 200   | 200    | 200   | 200
  GET /.well-known/jwks.json                      | 200    | 200  | 200      | 200     | 200   | 200    | 200   | 200
  GET /openapi.json                               | 200    | 200  | 200      | 200     | 200   | 200    | 200   | 200
  WebSocket /v1/live                              | 4401   | open | open     | open    | open  | open   | 4403  | 4401
`;
const LIVE = 'WebSocket /v1/live';

/** Ops of users that no route of the edge asks: game servers do this over TCP. */
const WITHOUT_ROUTE: readonly CallName[] = ['STATUS', 'METRICS', 'JOURNAL_BLOCKS'];
const CODES: Readonly<Record<string, string>> = {
  nobody: 'UNAUTHENTICATED',
  expired: 'UNAUTHENTICATED',
  ended: 'SESSION_ENDED',
};

const [HEAD = [], ...ROWS] = TABLE.trim()
  .split('\n')
  .map((line) => line.split('|').map((cell) => cell.trim()));
const COLUMNS = HEAD.slice(1);
const ROLES = COLUMNS.filter((column) => !Object.hasOwn(CODES, column));
const HTTP_ROWS = ROWS.filter(([route]) => route !== LIVE);

type World = {
  stage: Stage;
  tokenOf(column: string): string | null;
  /** Ops that were asked for users since the last look. */
  askedOps(): Set<CallName>;
};

function expiredTokenOf({ id, signedIn }: Person): string {
  const claims = { userId: id, sessionId: signedIn.session.id, roles: ['ADMIN'], nowMs: Date.now() - 601_000 };
  const { issuer, audience, key } = TOKENS;
  return signAccessToken({ key, issuer, audience, randomBytes: (length) => new Uint8Array(length) }, claims).token;
}

async function withRole(node: Node, username: string, role: string): Promise<Person> {
  const person = await signedUp(node.call, username);
  await node.server.done('USER_ROLES_SET', null, person.id, [role]);
  // The token that was made before names no role but USER; a later one does.
  return { ...person, signedIn: { ...(await signedIn(node.call, username)), refreshToken: null } };
}

async function inWorld(use: (world: World) => Promise<void>): Promise<void> {
  let asked: CallName[] = [];
  const onAsk = ({ op, actor }: { op: CallName; actor: unknown }) => {
    if (actor !== null) asked.push(op);
  };
  await lmdb?.withStores(1, (stores) =>
    withSite(stores, { onAsk }, async ({ nodes: [node] }) => {
      const { server, call } = node;
      for (const eventKey of ['open', 'spare', CLAIMED.eventKey]) await server.done('EVENT_CREATE', null, { eventKey });
      await server.done('ROLE_CREATE', null, { name: 'PAUSER', permissions: ['events.write'] });
      await server.done('ROLE_CREATE', null, { name: 'SPARE' });
      const tokens = new Map<string, string | null>([['nobody', null]]);
      for (const role of ROLES) {
        const token = (await withRole(node, `one-${role}`, role)).signedIn.accessToken;
        tokens.set(role, token);
        const headers = { 'idempotency-key': CLAIMED.requestId };
        await call(`POST /v1/events/${CLAIMED.eventKey}/claims`, { token, headers });
      }
      const leaver = await withRole(node, 'leaver', 'ADMIN');
      tokens.set('expired', expiredTokenOf(leaver));
      tokens.set('ended', leaver.signedIn.accessToken);
      await call('POST /v1/auth/logout', { token: leaver.signedIn.accessToken });
      await msUntil('SESSION_ENDED', () => call('GET /v1/me', { token: leaver.signedIn.accessToken }));
      let people = 0;
      const somebodyNew = (role: string) => withRole(node, `somebody${++people}`, role);
      const stage = { node, other: await signedUp(call, 'other'), somebodyNew };
      await use({
        stage,
        tokenOf: (column) => tokens.get(column) ?? null,
        askedOps() {
          const ops = new Set(asked);
          asked = [];
          return ops;
        },
      });
    }),
  );
}

test('every route has a row, and every row is a route', () => {
  const routes = ROUTES.map(({ method, path }) => `${method} ${path}`);
  assert.equal(HTTP_ROWS.map(([route]) => route).sort(), [...routes].sort());
  assert.equal(Object.keys(REQUESTS).sort(), [...routes].sort(), 'and a way to ask it');
});

test('every cell over HTTP is what the table says, and no route lets in whom its op refuses', () =>
  inWorld(async ({ stage, tokenOf, askedOps }) => {
    const reached = new Set<CallName>();
    let n = 0;
    for (const [route = '', ...cells] of HTTP_ROWS) {
      const [method] = route.split(' ');
      const access = ROUTES.find(({ method, path }) => route === `${method} ${path}`)?.access;
      for (const [i, column] of COLUMNS.entries()) {
        const role = ROLES.includes(column) ? column : null;
        const asking: Asking = { role, token: tokenOf(column), n: n++ };
        const filled = await REQUESTS[route]?.(stage, asking);
        askedOps();
        const { path = '', ...init } = filled ?? {};
        const { status, code } = await stage.node.call(`${method} ${path}`, { token: asking.token, ...init });
        const cell = `${route} by ${column}: ${code}`;
        assert.is(String(status), cells[i], cell);
        if (access === 'user' && role === null) assert.is(code, CODES[column], cell);
        if (status === 403) assert.is(code, 'FORBIDDEN', cell);
        const ops = askedOps();
        for (const op of ops) reached.add(op);
        const reaches = OP_TABLE.filter(({ op }) => ops.has(op as CallName)).map(({ reach }) => reach.get(column));
        if (access === 'user' && role !== null) assert.is(reaches.includes('none'), status === 403, `${cell}, its op`);
      }
    }
    const ofUsers = OP_TABLE.filter(({ reach }) => ROLES.some((role) => reach.get(role) !== 'none'));
    const unseen = ofUsers.map(({ op }) => op as CallName).filter((op) => !reached.has(op));
    assert.equal(
      unseen.filter((op) => !WITHOUT_ROUTE.includes(op)),
      [],
      'ops of users that no row asks',
    );
  }));

test('the live channel lets in whom the table says', () =>
  inWorld(async ({ stage, tokenOf }) => {
    const [, ...cells] = ROWS.find(([route]) => route === LIVE) ?? [];
    const said = await Promise.all(
      COLUMNS.map(async (column) => {
        const player = playerAt(stage.node.port);
        await player.opened;
        player.say({ type: 'hello', accessToken: tokenOf(column) ?? 'none', events: [] });
        const first = await Promise.race([player.closed, player.next().catch(() => player.closed)]);
        player.socket.terminate();
        return typeof first === 'number' ? String(first) : 'open';
      }),
    );
    assert.equal(said, cells);
  }));

test('the stores are stopped', stopStores);

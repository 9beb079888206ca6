/** A player's tab in a real browser: signs in, claims, sees the event pause and its own forced logout. */
import { execFile } from 'node:child_process';
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { Page } from 'playwright-core';
import { assert, suite } from '../../../protocol/testing/kit.ts';
import { PASSWORD } from '../account-client.ts';
import { chromiumReason, withPage } from '../chromium.ts';
import { STORE_CASES, stopStores } from '../stores.ts';
import { registered } from './http.ts';
import { type Node, withSite } from './site.ts';

const test = suite('a browser');
const [lmdb] = STORE_CASES;
const EVERYWHERE_MS = 2_000;
const root = fileURLToPath(new URL('../../..', import.meta.url));

/** The session helper as a browser takes it, and the tab that uses it. */
async function withApp(use: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'claimd-app-'));
  const modules = ['--module', 'nodenext', '--target', 'es2023', '--lib', 'es2023,dom', '--types', ''];
  const options = ['--ignoreConfig', '--rewriteRelativeImportExtensions', '--skipLibCheck', ...modules];
  const args = [...options, '--rootDir', root, '--outDir', folder, join(root, 'clients/session/session.ts')];
  try {
    await promisify(execFile)(join(root, 'node_modules/.bin/tsc'), args, { cwd: root });
    await cp(fileURLToPath(new URL('./tab.js', import.meta.url)), join(folder, 'tab.js'));
    await use(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** The edge sends no CORS headers, so the page is on its origin; what the page shows does not matter. */
async function withTab(use: (page: Page, node: Node) => Promise<void>): Promise<void> {
  await withApp((folder) =>
    withPage(folder, async (page) => {
      await lmdb?.withStores(1, (stores) =>
        withSite(stores, {}, async ({ nodes: [node] }) => {
          await page.goto(`${node.origin}/healthz`);
          await page.evaluate('import("/app/tab.js")');
          await use(page, node);
        }),
      );
    }),
  );
}

test(
  'a tab signs in, claims over the live channel, sees the pause of the event and its own forced logout',
  () =>
    withTab(async (page, { server, call }) => {
      /** Until the expression is something in the tab; then what it is. */
      const sees = async (expression: string) => (await page.waitForFunction(expression)).jsonValue();
      const sent = (status: number, requestId: string) =>
        sees(`tab.message({ type: 'outcome', requestId: '${requestId}', status: ${status} })`);
      const { id } = await registered(call, 'mira');
      for (const eventKey of ['welcome', 'bonus']) await server.done('EVENT_CREATE', null, { eventKey });

      const wrong = await page.evaluate(`tab.signIn('mira', 'not it')`);
      assert.is((wrong as { code: string }).code, 'BAD_CREDENTIALS');
      await page.evaluate(`tab.signIn('mira', '${PASSWORD}')`);
      const me = (await page.evaluate('tab.me()')) as { status: number; body: { id: string } };
      assert.equal([me.status, me.body.id], [200, id]);

      await page.evaluate(`tab.watch('welcome', 'bonus')`);
      await sees(`tab.message({ type: 'ready', userId: '${id}' })`);
      await sees(`tab.message({ type: 'event', eventKey: 'welcome', state: 'LIVE' })`);
      await page.evaluate(`tab.claim('welcome', 'r1')`);
      await sent(201, 'r1');
      await sees(`tab.messages.find(({ type, claim }) => type === 'granted' && claim.requestId === 'r1')`);
      await page.evaluate(`tab.claim('welcome', 'r2')`);
      await sent(409, 'r2');

      const pausedAt = performance.now();
      await server.done('EVENT_PAUSE', null, 'bonus');
      await sees(`tab.message({ type: 'event', eventKey: 'bonus', state: 'PAUSED' })`);
      assert.ok(performance.now() - pausedAt < EVERYWHERE_MS, 'the pause');
      await page.evaluate(`tab.claim('bonus', 'r3')`);
      await sent(409, 'r3');

      const endedAt = performance.now();
      await server.done('USER_LOGOUT', null, id);
      assert.is(await sees('tab.closed'), 4403);
      assert.ok(performance.now() - endedAt < EVERYWHERE_MS, 'the forced logout');
      assert.is(((await page.evaluate('tab.me()')) as { status: number }).status, 401);
      assert.ok(await page.evaluate('tab.isEnded'), 'and the helper says that somebody must sign in again');
      assert.is(await page.evaluate('localStorage.length'), 0);
    }),
  { skip: chromiumReason },
);

test('the stores are stopped', stopStores);

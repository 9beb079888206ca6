/**
 * A real browser for tests: the Chromium of the system, driven by playwright-core, with a profile of its own that goes
 * with it. Test files pass `chromiumReason` as the `skip` of their tests.
 */
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium, type Page } from 'playwright-core';

const PATH = '/usr/bin/chromium';
const FLAGS = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** Why no test can have a browser here; null when it can. */
export const chromiumReason: string | null = existsSync(PATH) ? null : `no ${PATH}: apt-get install chromium`;
if (chromiumReason !== null) process.stdout.write(`${chromiumReason}\n`);

/** `folder` is served as `/app/` of whatever origin the page is on; everything else goes over the network. */
export async function withPage(folder: string, use: (page: Page) => Promise<void>): Promise<void> {
  const profile = await mkdtemp(join(tmpdir(), 'claimd-chromium-'));
  try {
    const browser = await chromium.launchPersistentContext(profile, { executablePath: PATH, args: FLAGS });
    try {
      const page = await browser.newPage();
      await page.route('**/app/**', (route) => {
        const path = new URL(route.request().url()).pathname.slice('/app/'.length);
        return route.fulfill({ path: join(folder, path), contentType: 'text/javascript' });
      });
      await use(page);
    } finally {
      await browser.close();
    }
  } finally {
    await rm(profile, { recursive: true, force: true });
  }
}

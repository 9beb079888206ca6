import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { assert, suite } from '../../protocol/testing/kit.ts';
import { virtualTime } from '../../protocol/testing/virtual-time.ts';
import { createLog } from '../lib/log.ts';
import { BadValue, trustedIssuers } from './setting-values.ts';
import { openTrustedIssuers } from './trusted-issuers.ts';

const test = suite('trusted issuers');
const KEYS = '{"keys":[{"kty":"EC","kid":"a"}]}';

async function keysFrom(jwks: string) {
  const lines: string[] = [];
  const time = virtualTime();
  const log = createLog({ level: 'warn', write: (line) => lines.push(line) });
  const setting = { issuer: 'https://id.example', audience: 'game', userIdPrefix: 'studio:', jwks };
  const trusted = await openTrustedIssuers([setting], { runtime: time, log });
  const [issuer] = trusted.issuers;
  return { now: () => new TextDecoder().decode(issuer?.jwks()), time, lines, stop: trusted.stop };
}

async function withHttp(answer: RequestListener, use: (url: string) => Promise<void>): Promise<void> {
  const server = createServer(answer);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  try {
    await use(`http://127.0.0.1:${(server.address() as AddressInfo).port}/jwks`);
  } finally {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
}

test('from a file', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'claimd-test-'));
  try {
    await writeFile(join(folder, 'jwks.json'), KEYS);
    const { now, stop } = await keysFrom(join(folder, 'jwks.json'));
    assert.is(now(), KEYS);
    stop();
  } finally {
    await rm(folder, { recursive: true });
  }
});

test('from a URL; the last good set stays when it fails', async () => {
  let status = 200;
  await withHttp(
    (_, response) => response.writeHead(status).end(KEYS),
    async (url) => {
      const { now, time, lines, stop } = await keysFrom(url);
      assert.is(now(), KEYS);
      status = 500;
      await time.advance(300_000);
      while (lines.length === 0) await time.settle();
      assert.is(now(), KEYS);
      stop();
    },
  );
});

test('what is too large, elsewhere, or no key set is none, and is said in one line', async () => {
  const answers: RequestListener[] = [
    (_, response) => response.end(`{"keys":[],"x":"${'x'.repeat(70_000)}"}`),
    (_, response) => response.writeHead(302, { location: '/other' }).end(),
    (_, response) => response.end('{"keys":1}'),
    (_, response) => response.end('<html>'),
  ];
  for (const answer of answers) {
    await withHttp(answer, async (url) => {
      const { now, lines, stop } = await keysFrom(url);
      assert.is(now(), '{"keys":[]}');
      assert.is(lines.length, 1);
      stop();
    });
  }
});

test('a setting names all four parts, and a prefix that is not ours', () => {
  assert.equal(trustedIssuers('https://id.example,game,studio:,/etc/jwks.json b,c,d-,https://x.example/jwks'), [
    { issuer: 'https://id.example', audience: 'game', userIdPrefix: 'studio:', jwks: '/etc/jwks.json' },
    { issuer: 'b', audience: 'c', userIdPrefix: 'd-', jwks: 'https://x.example/jwks' },
  ]);
  for (const bad of [
    'a,b,c',
    'a,b,,d',
    'a,b,u,d',
    'a,b,u_x,d',
    'a,b,c d',
    'a,b,c/,d',
    'a,b,c,http://x.example/',
    'a,b,c,d,e',
  ]) {
    assert.throws(
      () => trustedIssuers(bad),
      (error: unknown) => error instanceof BadValue,
      bad,
    );
  }
});

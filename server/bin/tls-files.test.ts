import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { assert, rejection, suite } from '../../protocol/testing/kit.ts';
import { valueIn, withPrograms } from '../testing/program.ts';
import { SettingsRefused } from './refused.ts';
import { clientTls, serverTls } from './tls-files.ts';

const test = suite('tls files');
const run = promisify(execFile);
const NONE = { tlsCert: null, tlsKey: null, tlsCa: null };
const skip = await run('openssl', ['version']).then(
  () => null,
  () => 'openssl is not on this machine',
);

/** A certificate for 127.0.0.1 that is its own authority. */
async function certificate(folder: string, name: string): Promise<{ tlsCert: string; tlsKey: string }> {
  const files = { tlsCert: join(folder, `${name}.crt`), tlsKey: join(folder, `${name}.key`) };
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', files.tlsKey];
  const subject = ['-subj', `/CN=${name}`, '-addext', 'subjectAltName=IP:127.0.0.1', '-days', '2'];
  await run('openssl', ['req', '-x509', ...key, ...subject, '-out', files.tlsCert]);
  return files;
}

test('TLS is off where no file is named', async () => {
  assert.is(await serverTls(NONE), undefined);
  assert.is(await clientTls(NONE), undefined);
});

test('names the file or the setting that cannot be used', () =>
  withPrograms(async ({ folder }) => {
    const file = join(folder, 'text');
    await writeFile(file, 'not a certificate');
    const pem = join(folder, 'pem');
    await writeFile(pem, '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n');
    const rows: [files: Parameters<typeof serverTls>[0], line: RegExp][] = [
      [{ ...NONE, tlsCert: 'absent', tlsKey: file }, /^--tls-cert absent cannot be read: ENOENT$/],
      [{ ...NONE, tlsCert: file, tlsKey: file }, /^--tls-cert \S+ is not PEM$/],
      [{ ...NONE, tlsCert: pem, tlsKey: pem }, /^--tls-cert, --tls-key and --tls-ca cannot be used together: /],
    ];
    for (const [files, line] of rows) {
      const refused = await rejection(serverTls(files));
      assert.instance(refused, SettingsRefused);
      assert.match(refused.message, line);
    }
  }));

test(
  'a server with authorities takes the certificates they signed, and nobody without one',
  () =>
    withPrograms(async ({ folder, start }) => {
      const { tlsCert, tlsKey } = await certificate(folder, 'own');
      const stranger = await certificate(folder, 'stranger');
      const alone = await rejection(serverTls({ ...NONE, tlsCa: tlsCert }));
      assert.is(alone.message, '--tls-ca needs --tls-cert and --tls-key on a server');

      const tls = ['--tls-cert', tlsCert, '--tls-key', tlsKey, '--tls-ca', tlsCert];
      const running = start(['start', '--data', folder, ...tls]);
      const server = valueIn(await running.line('claimd ready '), 'tcp');
      // The edge of the same process came through TLS as well, or there would be no reply to this.
      const [, url = '', header = ''] = /POST (\S+) -H "Authorization: ([^"]+)"/.exec(await running.line('curl')) ?? [];
      const response = await fetch(url, { method: 'POST', headers: { authorization: header } });
      assert.is(response.status, 201);

      const claim = ['claim', '--event', 'welcome', '--user', 'u1', '--data', folder, '--server', server];
      const [taken, strange] = await Promise.all([
        start([...claim, ...tls]).exit,
        start([...claim, '--tls-cert', stranger.tlsCert, '--tls-key', stranger.tlsKey, '--tls-ca', tlsCert]).exit,
      ]);
      assert.is(taken.code, 0, taken.stderr);
      assert.is(strange.code, 1);
      assert.match(strange.stderr, /^claimd: no claim server [^\n]+\n$/);
    }),
  { deadlineMs: 60_000, skip },
);

/** The same connections through TLS, with and without certificates of clients. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { assert, suite } from '../../protocol/testing/kit.ts';
import { rawClient, readyClient, request } from './testing/raw-client.ts';
import { answer, until, withListener } from './testing/with-listener.ts';

const test = suite('tls');

type Certificate = { cert: Buffer; key: Buffer };

/** Two authorities and a certificate of each, or why they cannot be made here. */
function certificates(): { ca: Buffer; server: Certificate; client: Certificate; stranger: Certificate } | string {
  const folder = mkdtempSync(join(tmpdir(), 'claimd-tls-'));
  const openssl = (...args: string[]) => execFileSync('openssl', args, { cwd: folder, stdio: 'pipe' });
  const made = (name: string, ...signer: string[]): Certificate => {
    const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2'];
    const subject = ['-subj', `/CN=${name}`, '-addext', 'subjectAltName=IP:127.0.0.1'];
    openssl('req', '-x509', ...curve, ...subject, '-keyout', `${name}.key`, '-out', `${name}.crt`, ...signer);
    return { cert: readFileSync(join(folder, `${name}.crt`)), key: readFileSync(join(folder, `${name}.key`)) };
  };
  const signedByCa = ['-CA', 'ca.crt', '-CAkey', 'ca.key'];
  try {
    const { cert: ca } = made('ca');
    return { ca, server: made('server', ...signedByCa), client: made('client', ...signedByCa), stranger: made('else') };
  } catch (error) {
    return `openssl cannot make certificates here: ${String(error).split('\n')[0]}`;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const made = certificates();
const skip = typeof made === 'string' ? made : null;
const { ca, server, client, stranger } = made as Exclude<typeof made, string>;

test(
  'requests and replies go through TLS',
  async () => {
    await withListener({ tls: server }, async ({ address, taken, listener }) => {
      const peer = await readyClient(address, { ca });
      peer.send(request(1), request(2));
      await until(() => taken.length === 2);
      for (const each of taken) answer(each);
      assert.is((await peer.frame(3)).number, 2);
      await listener.close();
      assert.is(await peer.reason(), 'SHUTDOWN');
    });
  },
  { skip },
);

test(
  'with an authority for clients only a peer with its certificate is served',
  async () => {
    await withListener({ tls: { ...server, ca } }, async ({ address, listener, closes }) => {
      await readyClient(address, { ca, ...client });
      for (const credentials of [{}, stranger]) {
        const refused = rawClient(address, { ca, ...credentials });
        await refused.closed;
        assert.is(refused.frames.length, 0);
      }
      await until(() => closes().TLS_REFUSED === 2);
      assert.is(listener.connectionCount(), 1);
    });
  },
  { skip },
);

test(
  'what is no TLS is refused, and harms nobody',
  async () => {
    await withListener({ tls: server }, async ({ address, closes }) => {
      const plain = connect(address, () => plain.write('GET / HTTP/1.1\r\n\r\n')).on('error', () => {});
      plain.resume();
      await until(() => closes().TLS_REFUSED === 1);
      await readyClient(address, { ca });
    });
  },
  { skip },
);

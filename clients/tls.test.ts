/** The same connections through TLS, with and without a certificate of the client. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { assert, suite } from '../protocol/testing/kit.ts';
import { Client } from './client.ts';
import type { ConnectionChange } from './closing.ts';
import type { TlsOptions } from './options.ts';
import { claimBody, FakeServer, SERVICE_ID, SERVICE_KEY } from './testing/fake-server.ts';
import { eventually, ManualRuntime } from './testing/manual-runtime.ts';

const test = suite('tls');

type Certificate = { cert: Buffer; key: Buffer };

/** An authority that is the server too, and a client it has signed; or why they cannot be made here. */
function certificates(): { server: Certificate; client: Certificate } | string {
  const folder = mkdtempSync(join(tmpdir(), 'claimd-tls-'));
  const made = (name: string, ...signer: string[]): Certificate => {
    const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2'];
    const subject = ['-subj', `/CN=${name}`, '-addext', 'subjectAltName=IP:127.0.0.1'];
    const files = ['-keyout', `${name}.key`, '-out', `${name}.crt`, ...signer];
    execFileSync('openssl', ['req', '-x509', ...curve, ...subject, ...files], { cwd: folder, stdio: 'pipe' });
    return { cert: readFileSync(join(folder, `${name}.crt`)), key: readFileSync(join(folder, `${name}.key`)) };
  };
  try {
    return { server: made('server'), client: made('client', '-CA', 'server.crt', '-CAkey', 'server.key') };
  } catch (error) {
    return `openssl cannot make certificates here: ${String(error).split('\n')[0]}`;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const made = certificates();
const skip = typeof made === 'string' ? made : null;
const { server, client } = made as Exclude<typeof made, string>;

/** What the first connection comes to: the outcome of a claim, or why it failed. */
async function claimThrough(tls: TlsOptions | undefined): Promise<string> {
  const { cert, key } = server;
  const mutual = { cert, key, ca: cert, requestCert: true, rejectUnauthorized: true };
  const fake = await FakeServer.start({ tls: mutual, answer: claimBody });
  const changes: ConnectionChange[] = [];
  const client = new Client({
    servers: fake.address,
    serviceId: SERVICE_ID,
    serviceKey: SERVICE_KEY,
    runtime: new ManualRuntime(),
    tls,
    onState: (change) => changes.push(change),
  });
  try {
    await eventually(() => changes.length > 0);
    const [first] = changes;
    if (first?.state === 'closed') return `${first.reason}: ${first.detail}`;
    return (await client.claim({ eventKey: 'welcome', userId: 'u1' })).code;
  } finally {
    client.close();
    await fake.stop();
  }
}

test(
  'a claim through TLS with certificates on both sides',
  async () => assert.is(await claimThrough({ ca: server.cert, ...client }), 'GRANTED'),
  { skip },
);
test(
  'a server whose certificate is not trusted is not spoken to',
  async () => assert.match(await claimThrough(client), /^CONNECT_FAILED: .*self-signed/),
  { skip },
);
test(
  'a server that wants a certificate refuses a client without one',
  async () => assert.match(await claimThrough({ ca: server.cert }), /^CONNECTION_LOST: .*alert/),
  { skip },
);

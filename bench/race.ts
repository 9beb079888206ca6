/**
 * `npm run race`: the race kit on the command line, against a claimd that runs. Exit code 1 when anything is not exactly as
 * it must be.
 */
import { readFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { credentialsOf, type ServiceCredential, type TokenSigner } from './credentials/data-folder.ts';
import { type RaceOptions, type RaceReport, race } from './race/race.ts';

const HELP = `npm run race [-- FLAGS]: many players claim the same event many times at once; exact counts or exit code 1.

  --server HOST:PORT,…   claim servers (default 127.0.0.1:7400)
  --http URL,…           edges, or none (default http://127.0.0.1:7480)
  --data DIR             data folder of a development claimd, for its keys (default ./data)
  --service-id ID --service-key BASE64   a service with roles game and admin, instead of the data folder's
  --token-key FILE       ES256 private key as JWK that signs the players' tokens, instead of the data folder's
  --players N            (default 1000; with --stock 10000)
  --duplicates N         requests of each player at once (default 50; with --stock 1)
  --stock N              units of the event: slots 1…N exactly, SOLD_OUT for the rest
  --event KEY            an event that is there (default a new one)
  --tolerate nothing|retries   whether BUSY and the like, answered once and settled by a retry, are a fault (default nothing)
  --json                 the report as JSON
`;
const EXIT = { exact: 0, wrong: 1, usage: 78 } as const;

/** A flag or key file that cannot be used. */
class UsageRefused extends Error {}

const { values } = parseArgs({
  options: {
    help: { type: 'boolean', short: 'h' },
    server: { type: 'string', default: '127.0.0.1:7400' },
    http: { type: 'string', default: 'http://127.0.0.1:7480' },
    data: { type: 'string', default: './data' },
    'service-id': { type: 'string' },
    'service-key': { type: 'string' },
    'token-key': { type: 'string' },
    players: { type: 'string' },
    duplicates: { type: 'string' },
    stock: { type: 'string' },
    event: { type: 'string' },
    tolerate: { type: 'string', default: 'nothing' },
    json: { type: 'boolean', default: false },
  },
});

async function optionsOf(): Promise<RaceOptions> {
  const { tolerate } = values;
  if (tolerate !== 'nothing' && tolerate !== 'retries') throw new Error('--tolerate: nothing or retries');
  const stock = values.stock === undefined ? null : countOf('--stock', values.stock, 0);
  const edges = values.http === 'none' ? [] : values.http.split(',').map(urlOf);
  return {
    servers: values.server.split(','),
    edges,
    service: await serviceOf(),
    signer: edges.length === 0 ? null : await signerOf(),
    players: countOf('--players', values.players, stock === null ? 1_000 : 10_000),
    duplicates: countOf('--duplicates', values.duplicates, stock === null ? 50 : 1),
    stock,
    tolerate,
    ...(values.event === undefined ? {} : { eventKey: values.event }),
  };
}

async function serviceOf(): Promise<ServiceCredential> {
  const { 'service-id': serviceId, 'service-key': key } = values;
  if (serviceId !== undefined && key !== undefined) return { serviceId, key };
  return (await credentialsOf(values.data)).service;
}

async function signerOf(): Promise<TokenSigner> {
  const { 'token-key': file } = values;
  if (file === undefined) return (await credentialsOf(values.data)).signer;
  return { privateJwk: await readFile(file, 'utf8'), issuer: 'claimd', audience: 'claimd' };
}

function urlOf(text: string): string {
  return text.includes('://') ? text : `http://${text}`;
}

function countOf(flag: string, text: string | undefined, initial: number): number {
  const count = text === undefined ? initial : Number(text);
  if (!Number.isSafeInteger(count) || count < 1 || count > 10_000_000)
    throw new Error(`${flag}: a whole number above 0`);
  return count;
}

function textOf(report: RaceReport): string {
  const { players, requests, doors, elapsedMs, eventKey, stored, granted, doubleGrants, codes, retried, faults } =
    report;
  const perS = Math.round((requests / elapsedMs) * 1_000);
  const rows = [
    ['event', eventKey],
    ['doors', doors.join(', ')],
    ['players', `${players}`],
    ['requests', `${requests} in ${(elapsedMs / 1_000).toFixed(1)} s, ${perS} per second`],
    ...Object.entries(codes).map(([code, count]) => [code, `${count}`]),
    ...Object.entries(retried).map(([code, count]) => [`asked again: ${code}`, `${count}`]),
    ['granted', `${granted}, listed by the store ${stored}`],
    ['double grants', `${doubleGrants}`],
    ['5xx', `${report.serverErrors}`],
    ['verdict', faults.length === 0 ? 'exact' : `WRONG: ${faults.join('; ')}`],
  ];
  return rows.map(([name = '', value]) => `${name.padEnd(30)} ${value}\n`).join('');
}

async function main(): Promise<number> {
  if (values.help === true) {
    process.stdout.write(HELP);
    return EXIT.exact;
  }
  const options = await optionsOf().catch((error: Error) => Promise.reject(new UsageRefused(error.message)));
  const report = await race(options);
  process.stdout.write(values.json ? `${JSON.stringify(report, null, 2)}\n` : textOf(report));
  return report.faults.length === 0 ? EXIT.exact : EXIT.wrong;
}

process.exitCode = await main().catch((error: unknown) => {
  process.stderr.write(`race: ${error instanceof Error ? error.message : String(error)}\n`);
  return error instanceof UsageRefused ? EXIT.usage : EXIT.wrong;
});

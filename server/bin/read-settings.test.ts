import { assert, suite } from '../../protocol/testing/kit.ts';
import { helpText } from './help.ts';
import { type Environment, readSettings, type Settings } from './read-settings.ts';
import { SETTINGS, variableOf } from './settings.ts';

const test = suite('settings');

const KEY = Buffer.from(Array.from({ length: 32 }, (_, i) => i * 7)).toString('base64');
const SHORT_KEY = Buffer.from('far too short').toString('base64');
const DEMO_KEY = Buffer.concat([Buffer.from('demo-key:'), Buffer.alloc(32)]).toString('base64');

function read(line: string, env: Environment = {}) {
  return readSettings({ argv: line.split(' ').filter((word) => word !== ''), env });
}
function settingsOf(line: string, env: Environment = {}): Settings {
  const reading = read(line, env);
  if (reading.kind !== 'run') throw new Error(JSON.stringify(reading));
  return reading.settings;
}

const EVERY =
  'start, server, edge, token, keys rotate, event put, event list, event mode, qualify, claim, store status, reconcile, backup, restore, archive, journal dump (see --help)';

/** Variables, arguments, and the line that stops the program. */
const REFUSED: readonly (readonly [env: Environment, argv: string, line: string])[] = [
  [{}, '', `a command is missing: ${EVERY}`],
  [{}, 'strat', `unknown command "strat": ${EVERY}`],
  [{}, 'event drop x', `unknown command "event drop": ${EVERY}`],
  [{}, 'start now', 'unexpected argument "now" after start'],
  [{}, 'event put', 'event put needs FILE'],
  [{}, 'backup', 'backup needs DIR'],
  [{}, 'reconcile --as-of yesterday', '--as-of must be a time such as 2026-11-22T05:00:00Z, not "yesterday"'],
  [{}, 'archive --to d', 'archive needs --before'],
  [{}, 'archive --before 2026-05-18', 'archive needs --to'],
  [
    {},
    'archive --before 2026-02-30 --to d',
    '--before must be a date such as 2026-05-18, or a time such as 2026-05-18T04:00:00Z, not "2026-02-30"',
  ],
  [{}, 'event put a b', 'unexpected argument "b" after event put'],
  [{}, 'event mode', 'event mode needs KEY'],
  [{}, 'event mode e', 'event mode needs direct|journal'],
  [{}, 'event mode e fast', 'event mode must be one of direct, journal'],
  [{}, 'event mode a/b direct', 'event mode must be 1…64 characters of A-Z a-z 0-9 . _ : -'],
  [{}, 'event mode e direct now', 'unexpected argument "now" after event mode'],
  [{}, 'journal dump --after -1', '--after must be a whole number 0…9007199254740991, not "-1"'],
  [{}, 'event list --after 1', 'event list has no flag --after'],
  [{}, 'start --projection-interval 99ms', '--projection-interval must be a duration from 100ms to 1h, not "99ms"'],
  [{}, 'start --projection-interval 61m', '--projection-interval must be a duration from 100ms to 1h, not "61m"'],
  [{}, 'start --projection-interval 1', '--projection-interval must be a duration such as 500ms, 10s or 15m, not "1"'],
  [{}, 'start --journal-bytes 8GB', '--journal-bytes must be a size such as 512MiB or 8GiB, not "8GB"'],
  [{ CLAIMD_JOURNAL_BYTES: '64MiB' }, 'start', 'CLAIMD_JOURNAL_BYTES must be a size from 128MiB to 24GiB, not "64MiB"'],
  [{}, 'start --journal-bytes 1TiB', '--journal-bytes must be a size from 128MiB to 24GiB, not "1TiB"'],
  [{}, 'qualify vip', 'qualify needs FILE'],
  [{}, 'qualify a/b users.csv', 'qualify must be 1…64 characters of A-Z a-z 0-9 . _ : -'],
  [{}, 'qualify vip users.csv --remove=on', '--remove takes no value'],
  [{}, 'event list --remove', 'event list has no flag --remove'],
  [{}, 'start --qualification-memory 17GiB', '--qualification-memory must be a size from 0MiB to 16GiB, not "17GiB"'],
  [{}, 'token', 'token needs --user'],
  [{}, 'claim --event e', 'claim needs --user'],
  [{}, 'start --user u1', 'start has no flag --user'],
  [{}, 'claim --event e --user a/b', '--user must be 1…128 characters of A-Z a-z 0-9 . _ : -, not "a/b"'],
  [{}, 'start --tpc 127.0.0.1:1', 'unknown flag --tpc'],
  [{}, 'start -x', 'unknown flag -x'],
  [{}, 'start --tcp', '--tcp needs a value'],
  [{}, 'start --tcp --http 127.0.0.1:1', '--tcp needs a value'],
  [{}, 'start --tcp=', '--tcp must be HOST:PORT or [IPV6]:PORT, not ""'],
  [{}, 'start --tcp 7400', '--tcp must be HOST:PORT or [IPV6]:PORT, not "7400"'],
  [{}, 'start --tcp ::1:7400', '--tcp must be HOST:PORT or [IPV6]:PORT, not "::1:7400"'],
  [{}, 'start --http h:65536', '--http must be HOST:PORT or [IPV6]:PORT, not "h:65536"'],
  [
    {},
    'edge --trust-proxy 10.0.0.0/33',
    '--trust-proxy must be IP addresses or blocks such as 10.0.0.0/8, not "10.0.0.0/33"',
  ],
  [
    {},
    'edge --trust-proxy proxy.local',
    '--trust-proxy must be IP addresses or blocks such as 10.0.0.0/8, not "proxy.local"',
  ],
  [{}, 'edge --server h:1,h:0', '--server must name ports other than 0, not "h:1,h:0"'],
  [{}, 'start --drain 10', '--drain must be a duration such as 500ms, 10s or 15m, not "10"'],
  [{}, 'start --shards 0', '--shards must be a whole number 1…4096, not "0"'],
  [{}, 'start --lock-queue yes', '--lock-queue must be one of on, off, not "yes"'],
  [{}, 'start --env staging', '--env must be one of development, production, not "staging"'],
  [{}, 'start --node a.b', '--node must be 1…64 characters of A-Z a-z 0-9 _ -, not "a.b"'],
  [{}, 'start --store redis://h', '--store must be lmdb:DIR or mongodb://HOST/DATABASE'],
  [{}, 'start --store lmdb:', '--store must be lmdb:DIR or mongodb://HOST/DATABASE'],
  [{}, 'start --store mongodb://u:pw@h1,h2', '--store must name a database, as in mongodb://HOST/DATABASE'],
  [{}, 'start --store mongodb://h/?replicaSet=rs0', '--store must name a database, as in mongodb://HOST/DATABASE'],
  [{}, 'start --store lmdb:a --store b=lmdb:b', '--store b is embedded, and several stores must all be of MongoDB'],
  [
    {},
    'start --store lmdb:a --store b=mongodb://h/d',
    '--store main is embedded, and several stores must all be of MongoDB',
  ],
  [{}, 'start --store b=lmdb:b', '--store names no store main'],
  [{}, 'start --store mongodb://h/d --store b=mongodb://h/e --store b=mongodb://h/f', '--store names b twice'],
  [{}, 'start --tls-cert c.pem', '--tls-cert and --tls-key must be given together'],
  [
    {},
    'start --service-keys game',
    '--service-keys cannot be used: service keys, entry 1: expected id:base64key[:roles]',
  ],
  [
    {},
    `start --service-keys a:${SHORT_KEY}`,
    '--service-keys cannot be used: service keys, entry 1: a key has at least 32 bytes, this one 13',
  ],
  [
    {},
    `start --service-keys a:${KEY}:root`,
    '--service-keys cannot be used: service keys, entry 1: roles are game, edge, admin, joined by +',
  ],
  [
    {},
    `start --service-keys a:${KEY},a:${KEY}`,
    '--service-keys cannot be used: service keys, entry 2: the id of entry 1 again',
  ],
  [{}, 'start --admin root', '--admin must be username:password'],
  [{ CLAIMD_TPC: 'x' }, 'start', 'unknown variable CLAIMD_TPC'],
  [{ CLAIMD_TCP: 'x' }, 'start', 'CLAIMD_TCP must be HOST:PORT or [IPV6]:PORT, not "x"'],
  [{ CLAIMD_STORE: '' }, 'start', 'CLAIMD_STORE must be lmdb:DIR or mongodb://HOST/DATABASE'],
  [{ CLAIMD_ENV: 'production' }, 'start --token-key k', 'production needs --service-keys'],
  [{ CLAIMD_ENV: 'production' }, `server --service-keys a:${KEY}:game`, 'production needs --token-key'],
  [{ CLAIMD_ENV: 'production' }, 'token --user u', 'production needs --token-key'],
  [{ CLAIMD_ENV: 'production' }, 'claim --user u --event e', 'production needs --service-keys'],
  [
    { CLAIMD_ENV: 'production' },
    `start --token-key k --service-keys a:${KEY}`,
    'production refuses --service-keys: a has no roles, as in a:KEY:game+edge+admin',
  ],
  [
    { CLAIMD_ENV: 'production' },
    `edge --service-keys web:${DEMO_KEY}:edge`,
    'production refuses --service-keys: web has the key of a demo',
  ],
];
for (const [env, argv, line] of REFUSED) {
  test(`refuses: ${line}`, () => {
    assert.equal(read(argv, env), { kind: 'refused', line });
    assert.not(line.includes('\n'));
  });
}

test('has the defaults that the documentation names', () => {
  const { store, tcp, http, server, data, env, demo, lockQueue, serviceKeys, tokenKey } = settingsOf('start');
  assert.equal(store, { name: 'main', kind: 'lmdb', directory: './data' });
  assert.equal(
    [tcp, http],
    [
      { host: '127.0.0.1', port: 7400 },
      { host: '127.0.0.1', port: 7480 },
    ],
  );
  assert.equal(server, [{ host: '127.0.0.1', port: 7400 }]);
  assert.equal([data, env, demo, lockQueue, serviceKeys, tokenKey], ['./data', 'development', 'on', 'on', null, null]);
});

test('reads how long and how large the journal may be', () => {
  const both = (line: string, env: Environment = {}) => {
    const { projectionInterval, journalBytes } = settingsOf(line, env);
    return [projectionInterval, journalBytes];
  };
  assert.equal(both('start'), [1_000, 8 * 1_024 ** 3]);
  assert.equal(both('start --projection-interval 100ms --journal-bytes 128MiB'), [100, 134_217_728]);
  assert.equal(both('start', { CLAIMD_PROJECTION_INTERVAL: '1h', CLAIMD_JOURNAL_BYTES: '24GiB' }), [
    3_600_000,
    24 * 1_024 ** 3,
  ]);
});

test('puts flags over variables and the last flag over the one before', () => {
  const env = { CLAIMD_TCP: '127.0.0.1:1', CLAIMD_HTTP: '127.0.0.1:2', CLAIMD_TEST_MONGOD: 'anything' };
  const { tcp, http } = settingsOf('--tcp 127.0.0.1:3 start --tcp=[::1]:4', env);
  assert.equal(
    [tcp, http],
    [
      { host: '::1', port: 4 },
      { host: '127.0.0.1', port: 2 },
    ],
  );
});

test('keeps keys and state where the embedded store is', () => {
  assert.is(settingsOf('start --store lmdb:/srv/a').data, '/srv/a');
  assert.is(settingsOf('start --store lmdb:/srv/a --data /srv/b').data, '/srv/b');
  assert.equal(settingsOf('start --data /srv/b').store, { name: 'main', kind: 'lmdb', directory: '/srv/b' });
  assert.is(settingsOf('start --store mongodb://h/claimd').data, './data');
});

test('reads stores by name and MongoDB addresses as they are', () => {
  const uri = 'mongodb://u:p=w@h1:1,h2:2/claimd?replicaSet=rs0&w=majority';
  assert.equal(settingsOf(`start --store ${uri}`).store, { name: 'main', kind: 'mongo', uri });
  assert.equal(settingsOf('start', { CLAIMD_STORE: `main=${uri}` }).store, { name: 'main', kind: 'mongo', uri });
});

test('accepts settings that the command does not use', () => {
  const every = '--http 127.0.0.1:0 --claim-rate 5 --lock-queue off --server h:1,[::1]:2 --drain 500ms --demo off';
  for (const command of ['start', 'server', 'edge', 'token --user u', 'event list', 'event put f']) {
    assert.is(settingsOf(`${command} ${every}`).drain, 500);
  }
});

test('takes service keys with and without roles', () => {
  const keys = settingsOf('start', { CLAIMD_SERVICE_KEYS: `game1:${KEY}:game,web:${KEY}` }).serviceKeys;
  assert.equal(
    keys?.map(({ service, hasImplicitRoles, key }) => [
      service.serviceId,
      [...service.roles],
      hasImplicitRoles,
      key.length,
    ]),
    [
      ['game1', ['game'], false, 32],
      ['web', ['game', 'edge', 'admin'], true, 32],
    ],
  );
});

test('production starts with keys of its own and without the demo', () => {
  const { demo } = settingsOf(`start --env production --token-key k --service-keys a:${KEY}:game+edge`);
  assert.is(demo, 'off');
});

test('reads the commands with what is theirs', () => {
  const rows: [string, unknown][] = [
    ['event list', { name: 'event list' }],
    ['event put -', { name: 'event put', file: '-' }],
    ['token --user u --roles A,B --ttl 1h', { name: 'token', user: 'u', roles: ['A', 'B'], ttlMs: 3_600_000 }],
    ['token --user u', { name: 'token', user: 'u', roles: ['USER'], ttlMs: 900_000 }],
    ['event mode e journal', { name: 'event mode', event: 'e', mode: 'journal' }],
    ['journal dump', { name: 'journal dump', after: null }],
    ['journal dump --after 67112960', { name: 'journal dump', after: 67_112_960 }],
    ['claim --event e --user u', { name: 'claim', event: 'e', user: 'u', requestId: null }],
    ['claim --event e --user u --request-id r!', { name: 'claim', event: 'e', user: 'u', requestId: 'r!' }],
  ];
  for (const [line, command] of rows) {
    const reading = read(line);
    assert.equal(reading.kind === 'run' && reading.command, command);
  }
  assert.equal(read('start --help --nonsense'), { kind: 'help' });
  assert.equal(read('-h'), { kind: 'help' });
  assert.equal(read('--version'), { kind: 'version' });
});

test('the help names every setting with its variable', () => {
  const help = helpText();
  for (const { flag } of Object.values(SETTINGS)) {
    assert.ok(help.includes(`${flag} `) && help.includes(`${variableOf(flag)} `), `${flag} is missing`);
  }
  assert.ok(help.split('\n').every((line) => line.length <= 180));
});

test('repeats no secret in the line it stops with', () => {
  const lines = [
    ['--service-keys', 'a:hunter2!'],
    ['--admin', 'hunter2'],
    ['--store', 'mongodb://u:hunter2@h'],
  ].map((argv) => readSettings({ argv: ['start', ...argv], env: {} }));
  assert.not(JSON.stringify(lines).includes('hunter2'));
  assert.is(lines.filter(({ kind }) => kind === 'refused').length, 3);
});

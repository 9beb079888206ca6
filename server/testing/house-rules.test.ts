import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { assert, suite } from '../../protocol/testing/kit.ts';
import { breachesOf, importsOf, type Source } from './house-rules.ts';

const test = suite('house rules');
const root = fileURLToPath(new URL('../..', import.meta.url));

function sourcesOfTree(): Source[] {
  return ['protocol', 'server', 'edge', 'clients', 'bench']
    .flatMap((folder) => readdirSync(root + folder, { recursive: true }).map((name) => `${folder}/${name}`))
    .filter((path) => path.endsWith('.ts') || path.endsWith('/README.md'))
    .map((path) => ({ path, text: readFileSync(root + path, 'utf8') }));
}

test('this tree keeps them', () => {
  const { dependencies } = JSON.parse(readFileSync(`${root}package.json`, 'utf8'));
  const sources = sourcesOfTree();
  assert.ok(sources.length > 40, `only ${sources.length} files were found`);
  assert.equal(breachesOf(sources, Object.keys(dependencies)), []);
});

/** Each must be found, or the test above shows nothing. */
const BROKEN: readonly (readonly [path: string, text: string, breach: string])[] = [
  [
    'edge/a.ts',
    "import type { S } from '../server/store/store.ts';",
    'edge/a.ts: may not import types of ../server/store/store.ts',
  ],
  ['edge/a.ts', "import { MongoClient } from 'mongodb';", 'edge/a.ts: may not import mongodb'],
  [
    'clients/a.ts',
    "const s = await import('../server/server.ts');",
    'clients/a.ts: may not import ../server/server.ts',
  ],
  ['clients/a.ts', "import { Packr } from 'msgpackr';", 'clients/a.ts: may not import msgpackr'],
  ['protocol/a.ts', "import { createHmac } from 'node:crypto';", 'protocol/a.ts: may not import node:crypto'],
  ['protocol/a.ts', "import { Packr } from 'msgpackr';", 'protocol/a.ts: may not import msgpackr'],
  ['protocol/a.ts', "export * from '../clients/index.ts';", 'protocol/a.ts: may not import ../clients/index.ts'],
  [
    'server/net/a.ts',
    "import { decide } from '../rules/decide.ts';",
    'server/net/a.ts: may not import ../rules/decide.ts',
  ],
  ['server/route/a.ts', "import { createServer } from 'node:net';", 'server/route/a.ts: may not import node:net'],
  ['server/rules/a.ts', "import 'node:fs';", 'server/rules/a.ts: may not import node:fs'],
  ['server/rules/a.ts', 'export async function f() {}', 'server/rules/a.ts: rules do not wait'],
  ['server/store/lmdb/a.ts', "import { x } from 'mongodb';", 'server/store/lmdb/a.ts: may not import mongodb'],
  ['server/store/a.ts', "import { x } from 'lmdb';", 'server/store/a.ts: may not import lmdb'],
  [
    'server/shard/a.ts',
    "import { x } from '../store/mongo/b.ts';",
    'server/shard/a.ts: may not import ../store/mongo/b.ts',
  ],
  ['server/shard/a.ts', "import { x } from '../testing/b.ts';", 'server/shard/a.ts: may not import ../testing/b.ts'],
  ['server/shard/a.ts', "import { x } from '../events/b.ts';", 'server/shard/a.ts: may not import ../events/b.ts'],
  [
    'bench/a.ts',
    "import { x } from '../server/testing/mongod.ts';",
    'bench/a.ts: may not import ../server/testing/mongod.ts',
  ],
  [
    'bench/soak/a.ts',
    "import { x } from '../../server/testing/stores.ts';",
    'bench/soak/a.ts: may not import ../../server/testing/stores.ts',
  ],
  ['server/loose.ts', '', 'server/loose.ts: its folder has no rule'],
  ['server/shard/a.ts', 'const now = Date.now();', 'server/shard/a.ts: uses Date.now( where a Runtime is handed in'],
  ['clients/a.ts', 'setTimeout(f, 1);', 'clients/a.ts: uses setTimeout( where a Runtime is handed in'],
  ['edge/a.ts', 'const at = new Date();', 'edge/a.ts: uses new Date() where a Runtime is handed in'],
  ['edge/a.ts', "import { x } from './b';", 'edge/a.ts: imports ./b without its ending .ts'],
  ['edge/a.ts', "import ws from 'ws';", 'edge/a.ts: ws is not a dependency'],
  ['edge/a.ts', '\n'.repeat(401), 'edge/a.ts: has 401 lines, more than 400'],
  ['edge/a.test.ts', '', 'edge/a.test.ts: does not use the kit'],
  ['edge/a.test.ts', "import { test } from 'uvu';", 'edge/a.test.ts: bypasses the kit'],
  ['edge/a.test.ts', 'test.only(x)', 'edge/a.test.ts: runs only some of its tests'],
  ['edge/README.md', 'line\n'.repeat(13), 'edge/README.md: has 13 lines, more than 12'],
];
for (const [path, text, breach] of BROKEN) {
  test(`finds: ${breach}`, () => {
    const sources = [
      { path: 'edge/ok.ts', text: '' },
      { path, text },
    ];
    const found = breachesOf(sources, []);
    assert.ok(found.includes(breach), JSON.stringify(found));
  });
}

test('finds folders without README and packages without use', () => {
  const found = breachesOf([{ path: 'edge/a.ts', text: '' }], ['left-pad']);
  assert.equal(found, ['package.json: left-pad is used by nothing shipped', 'edge: has no README.md']);
});

test('reads imports over several lines and leaves comments alone', () => {
  const text =
    "import {\n  a,\n  b,\n} from './b.ts';\n// from 'lmdb'\n/* import 'ws' */\nconst u = 'http://x'; // from 'ws'\n";
  assert.equal(importsOf({ path: 'edge/a.ts', text }), [
    { specifier: './b.ts', kind: 'relative', target: 'edge/b.ts', isType: false },
  ]);
});

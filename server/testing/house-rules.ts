/**
 * The rules of this tree that no compiler knows: who may import whom, what may be touched where, how long a file may
 * be. It reads text, not syntax, which is enough for imports that the formatter has put in order. What it finds wrong
 * is a list of sentences; the test beside it demands that the list is empty.
 */
export type Source = { path: string; text: string };

type FolderRule = {
  /** Path prefixes within this tree, beside the folder itself. */
  imports: readonly string[];
  /** The same for types alone: what such a file works with is handed to it by whoever composes it. */
  types?: readonly string[];
  packages?: readonly string[];
  /** Node's own modules that may not be imported; `*` for all of them. */
  withoutNode?: readonly string[];
};

const SOCKETS = ['net', 'tls', 'http', 'https', 'http2', 'dgram'];
const DISK = ['fs', 'fs/promises'];
const STORE = 'server/store/store.ts';
const PEOPLE = 'server/store/accounts.ts';
const JOURNAL = 'server/store/journal.ts';
const SURVEY = 'server/store/survey.ts';
const ARCHIVE = 'server/store/archive.ts';

/**
 * The import table. The longest prefix of a file's path is its rule; a file without one may not exist. Tests and
 * `testing/` folders compose as they like, since nothing ships them.
 */
export const FOLDERS: Readonly<Record<string, FolderRule>> = {
  'protocol/': { imports: [], withoutNode: ['*'] },
  'protocol/codec.ts': { imports: ['protocol/'], packages: ['msgpackr'], withoutNode: ['*'] },
  'clients/': { imports: ['protocol/'] },
  'edge/': { imports: ['protocol/', 'clients/'], packages: ['fastify', 'ws', 'jsonwebtoken', 'prom-client'] },
  'bench/': {
    imports: ['protocol/', 'clients/'],
    packages: ['hdr-histogram-js', 'mongodb', 'fastify', 'jsonwebtoken'],
  },
  // What mongod does when it is killed is shown on a real one, which only the test support can start.
  'bench/soak/': {
    imports: ['protocol/', 'clients/', 'bench/', 'server/testing/mongod.ts', 'protocol/testing/random.ts'],
    packages: ['mongodb'],
  },
  'bench/soak/people/': { imports: ['protocol/', 'clients/', 'bench/'], packages: ['hdr-histogram-js', 'ws'] },
  'server/lib/': { imports: ['protocol/'], packages: ['pino', 'prom-client', 'fs-native-extensions'] },
  'server/net/': {
    imports: ['protocol/', 'server/lib/', 'server/route/'],
    types: ['server/session/'],
    withoutNode: DISK,
  },
  'server/route/': {
    imports: [
      ...['protocol/', 'server/lib/', 'server/session/', 'server/shard/', 'server/rules/'],
      ...['server/events/', 'server/accounts/', 'server/notices/', 'server/journal/', 'server/store/block/'],
      ...['server/eligibility/', 'server/upkeep/', 'server/archive/'],
      ...[STORE, PEOPLE],
    ],
    types: ['server/net/'],
    withoutNode: [...SOCKETS, ...DISK],
  },
  'server/session/': {
    imports: ['protocol/', 'server/lib/', STORE, PEOPLE],
    packages: ['jsonwebtoken'],
    withoutNode: SOCKETS,
  },
  'server/accounts/': {
    imports: ['protocol/', 'server/lib/', STORE, PEOPLE],
    packages: ['@node-rs/argon2'],
    withoutNode: [...SOCKETS, ...DISK],
  },
  'server/notices/': {
    imports: ['protocol/', 'server/lib/', 'server/rules/', STORE, PEOPLE],
    types: ['server/events/'],
    withoutNode: [...SOCKETS, ...DISK],
  },
  'server/journal/': {
    imports: ['protocol/', 'server/lib/', 'server/rules/', 'server/store/block/', STORE, JOURNAL],
    types: ['server/events/', 'server/eligibility/'],
    withoutNode: [...SOCKETS, ...DISK],
  },
  'server/eligibility/': {
    imports: ['protocol/', 'server/lib/', 'server/journal/fingerprints.ts', STORE],
    withoutNode: [...SOCKETS, ...DISK],
  },
  'server/upkeep/': {
    imports: ['protocol/', 'server/lib/', 'server/rules/', 'server/store/block/', STORE, JOURNAL, SURVEY],
    withoutNode: [...SOCKETS, ...DISK],
  },
  'server/archive/': {
    imports: ['protocol/', 'server/lib/', 'server/rules/', 'server/events/', STORE, ARCHIVE],
    types: ['server/accounts/'],
    withoutNode: SOCKETS,
  },
  'server/shard/': {
    imports: ['protocol/', 'server/lib/', 'server/rules/', STORE],
    types: ['server/events/', 'server/journal/', 'server/eligibility/'],
    withoutNode: [...SOCKETS, ...DISK],
  },
  'server/rules/': { imports: ['protocol/'], types: [STORE], withoutNode: ['*'] },
  'server/events/': { imports: ['protocol/', 'server/lib/', 'server/rules/', STORE], withoutNode: SOCKETS },
  'server/store/': { imports: ['protocol/', 'server/lib/'] },
  'server/store/block/': { imports: ['protocol/', 'server/lib/', STORE] },
  'server/store/named/': { imports: ['protocol/', 'server/lib/', STORE, SURVEY, ARCHIVE] },
  'server/store/lmdb/': { imports: ['protocol/', 'server/lib/', 'server/store/'], packages: ['lmdb'] },
  'server/store/log/': {
    imports: ['protocol/', 'server/lib/', 'server/store/block/', JOURNAL, STORE],
    withoutNode: SOCKETS,
  },
  'server/store/mongo/': { imports: ['protocol/', 'server/lib/', 'server/store/'], packages: ['mongodb'] },
  // The server's parts meet in this file, and server, edge and clients in that folder; nowhere else.
  'server/server.ts': { imports: ['protocol/', 'server/'] },
  'server/identity.ts': { imports: ['protocol/', 'server/'] },
  'server/bin/': { imports: ['protocol/', 'server/', 'edge/', 'clients/'], packages: ['jsonwebtoken'] },
};

/** Files that are the real machine; everything else is handed a Runtime. */
const MACHINE = /^(server\/lib\/runtime\.ts|clients\/runtime\.ts|edge\/runtime\.ts|server\/bin\/.*)$/;
/** Statements begin a line, which the formatter sees to; `import('…')` may stand anywhere. */
const STATEMENT = /^(?:import|export)\s(type\s)?(?:[^'";]*?\sfrom\s+)?'([^']+)'|\bimport\(\s*'([^']+)'/gm;
const AMBIENT = /\b(Date\.now|Math\.random|performance\.now|setTimeout|setInterval|setImmediate)\(|\bnew Date\(\)/;
const CONTRACTS = ['server/store/contract.ts', 'server/store/journal-contract.ts'];
const KITS = ['protocol/testing/kit.ts', ...CONTRACTS];
const LINES_MAX = 400;
const README_LINES_MAX = 12;

/** A contract is a suite that each implementation's test runs. */
export function isTest(path: string): boolean {
  return path.endsWith('.test.ts') || path.includes('/testing/') || CONTRACTS.includes(path);
}

export type Import = { specifier: string; kind: 'relative' | 'node' | 'package'; target: string; isType: boolean };

/** Every module that a file names, type-only and dynamic ones included. */
export function importsOf({ path, text }: Source): Import[] {
  const found = withoutComments(text).matchAll(STATEMENT);
  return [...found].map(([, type, statement, call]) => {
    const specifier = statement ?? call ?? '';
    const isType = type !== undefined;
    if (specifier.startsWith('.')) {
      const target = new URL(specifier, `file:///${path}`).pathname.slice(1);
      return { specifier, kind: 'relative', target, isType };
    }
    if (specifier.startsWith('node:')) return { specifier, kind: 'node', target: specifier.slice(5), isType };
    const length = specifier.startsWith('@') ? 2 : 1;
    return { specifier, kind: 'package', target: specifier.split('/').slice(0, length).join('/'), isType };
  });
}

/** Sentences, one for each breach; `dependencies` are the packages that an installed claimd brings along. */
export function breachesOf(sources: readonly Source[], dependencies: readonly string[]): string[] {
  const code = sources.filter(({ path }) => path.endsWith('.ts'));
  const shipped = code.filter(({ path }) => !isTest(path));
  const used = new Set(shipped.flatMap(importsOf).map(({ target }) => target));
  return [
    ...code.flatMap(lengthBreach),
    ...code.flatMap(endingBreaches),
    ...shipped.flatMap(importBreaches),
    ...shipped.flatMap(ambientBreach),
    ...shipped.flatMap((source) => dependencyBreaches(source, dependencies)),
    ...dependencies.filter((name) => !used.has(name)).map((name) => `package.json: ${name} is used by nothing shipped`),
    ...code.filter(({ path }) => path.endsWith('.test.ts')).flatMap(kitBreaches),
    ...readmeBreaches(sources),
  ];
}

function importBreaches(source: Source): string[] {
  const { path } = source;
  const prefix = ruleOf(path);
  const rule = prefix === undefined ? undefined : FOLDERS[prefix];
  if (prefix === undefined || rule === undefined) return [`${path}: its folder has no rule`];
  const own = prefix.endsWith('/') ? prefix : path;
  return importsOf(source)
    .filter((found) => !isAllowed(found, own, rule))
    .map(({ specifier, isType }) => `${path}: may not import ${isType ? 'types of ' : ''}${specifier}`);
}

function isAllowed({ kind, target, isType }: Import, own: string, rule: FolderRule): boolean {
  if (kind === 'package') return (rule.packages ?? []).includes(target);
  if (kind === 'node') return !['*', target].some((name) => rule.withoutNode?.includes(name));
  const prefixes = [own, ...rule.imports, ...(isType ? (rule.types ?? []) : [])];
  // A test's file may be imported only by those whose rule names that very file.
  return isTest(target) ? rule.imports.includes(target) : prefixes.some((prefix) => target.startsWith(prefix));
}

function ruleOf(path: string): string | undefined {
  const prefixes = Object.keys(FOLDERS).filter((prefix) => path.startsWith(prefix));
  return prefixes.sort((a, b) => b.length - a.length)[0];
}

function ambientBreach({ path, text }: Source): string[] {
  if (MACHINE.test(path) || path.startsWith('bench/')) return [];
  const code = withoutComments(text);
  const [found] = AMBIENT.exec(code) ?? [];
  const breaches = found === undefined ? [] : [`${path}: uses ${found} where a Runtime is handed in`];
  if (path.startsWith('server/rules/') && /\b(await|async)\b/.test(code)) breaches.push(`${path}: rules do not wait`);
  return breaches;
}

function dependencyBreaches(source: Source, dependencies: readonly string[]): string[] {
  if (source.path.startsWith('bench/')) return [];
  return importsOf(source)
    .filter(({ kind, target }) => kind === 'package' && !dependencies.includes(target))
    .map(({ target }) => `${source.path}: ${target} is not a dependency`);
}

function kitBreaches(source: Source): string[] {
  const targets = importsOf(source).map(({ target }) => target);
  const breaches: string[] = [];
  if (!targets.some((target) => KITS.includes(target))) breaches.push(`${source.path}: does not use the kit`);
  if (targets.includes('uvu') || targets.includes('node:test')) breaches.push(`${source.path}: bypasses the kit`);
  if (/^\s*(test|suite)\.only\(/m.test(withoutComments(source.text)))
    breaches.push(`${source.path}: runs only some of its tests`);
  return breaches;
}

function endingBreaches(source: Source): string[] {
  return importsOf(source)
    .filter(({ kind, target }) => kind === 'relative' && !/\.(ts|json)$/.test(target))
    .map(({ specifier }) => `${source.path}: imports ${specifier} without its ending .ts`);
}

function lengthBreach({ path, text }: Source): string[] {
  const lines = linesOf(text);
  return lines > LINES_MAX ? [`${path}: has ${lines} lines, more than ${LINES_MAX}`] : [];
}

/** The protocol's README is the wire specification and as long as it needs to be. */
function readmeBreaches(sources: readonly Source[]): string[] {
  const readmes = new Map(
    sources.filter(({ path }) => path.endsWith('/README.md')).map(({ path, text }) => [path, text]),
  );
  const folders = new Set(
    sources.filter(({ path }) => path.endsWith('.ts') && !path.includes('/testing/')).map(({ path }) => folderOf(path)),
  );
  return [...folders].flatMap((folder) => {
    const text = readmes.get(`${folder}/README.md`);
    if (text === undefined) return [`${folder}: has no README.md`];
    const lines = linesOf(text);
    if (folder === 'protocol' || lines <= README_LINES_MAX) return [];
    return [`${folder}/README.md: has ${lines} lines, more than ${README_LINES_MAX}`];
  });
}

function folderOf(path: string): string {
  return path.slice(0, path.lastIndexOf('/'));
}

function linesOf(text: string): number {
  return text.split('\n').length - (text.endsWith('\n') ? 1 : 0);
}

/** Line comments are known by the space before them, so that addresses in strings stay. */
function withoutComments(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/(^|\s)\/\/.*$/gm, '$1');
}

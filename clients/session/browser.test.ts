import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { assert, suite } from '../../protocol/testing/kit.ts';

const test = suite('session in a browser');
const door = new URL('./session.ts', import.meta.url);
const FOREIGN = /\b(Buffer|process|require|__dirname|setTimeout|setInterval|setImmediate|Date\.now|Math\.random)\b/;

/** Every file that runs when `file` is imported: types are gone by then. */
function reachableFrom(file: URL, found = new Map<string, string>()): Map<string, string> {
  if (found.has(file.href)) return found;
  const text = readFileSync(file, 'utf8').replace(/\/\*[\s\S]*?\*\/|\/\/.*/g, '');
  found.set(file.href, text);
  const statements = text.matchAll(
    /^(?:import|export)\s(?!type\s)(?:[^'";]*?\sfrom\s+)?'([^']+)'|\bimport\(\s*'([^']+)'/gm,
  );
  for (const [, statement, call] of statements) {
    const specifier = statement ?? call ?? '';
    assert.ok(specifier.startsWith('.'), `${file.pathname} imports ${specifier}`);
    reachableFrom(new URL(specifier, file), found);
  }
  return found;
}

test('nothing that its file reaches is of Node, a package, a clock or chance', () => {
  const reached = reachableFrom(door);
  assert.ok(reached.size >= 4, `${reached.size} files`);
  for (const [path, text] of reached) assert.is(FOREIGN.exec(text)?.[0], undefined, path);
});

test('its types are those of a browser: it compiles where nobody has heard of Node', async () => {
  const root = new URL('../../', import.meta.url);
  const options =
    '--noEmit --strict --skipLibCheck --exactOptionalPropertyTypes --noUncheckedIndexedAccess --target es2023 --types'.split(
      ' ',
    );
  const modules = '--module nodenext --moduleDetection force --allowImportingTsExtensions --lib es2023,dom'.split(' ');
  const tsc = fileURLToPath(new URL('node_modules/.bin/tsc', root));
  const args = [...options, '', ...modules, '--ignoreConfig', fileURLToPath(door)];
  const { stdout } = await promisify(execFile)(tsc, args, { cwd: fileURLToPath(root) }).catch((error) => error);
  assert.is(stdout, '');
});

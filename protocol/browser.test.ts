import { execFile } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { assert, suite } from './testing/kit.ts';
import { LOADER, runnable } from './testing/launch.ts';

const test = suite('browser');
const folder = new URL('.', import.meta.url);
const sources = readdirSync(folder).filter((name) => name.endsWith('.ts') && !name.endsWith('.test.ts'));

test('the protocol imports its own files and, in one of them, msgpackr', () => {
  for (const name of sources) {
    const source = readFileSync(new URL(name, folder), 'utf8');
    for (const [, from] of source.matchAll(/^(?:import|export|\}).* from '([^']+)';$/gm)) {
      const isOwn = /^\.\/[a-z-]+\.ts$/.test(from as string);
      assert.ok(isOwn || (from === 'msgpackr' && name === 'codec.ts'), `${name} imports ${from}`);
    }
  }
});

test('the protocol names nothing that a browser lacks, no clock and no chance', () => {
  const foreign = /\b(Buffer|process|require|__dirname|setTimeout|setImmediate|Date\.now|Math\.random|performance)\b/;
  for (const name of sources) {
    const code = readFileSync(new URL(name, folder), 'utf8').replace(/\/\*[\s\S]*?\*\/|\/\/.*/g, '');
    assert.is(foreign.exec(code)?.[0], undefined, name);
  }
});

/** Runs where `Buffer` and `process` are gone and msgpackr resolves to its browser build. */
const SCRIPT = `
const { readFileSync, readdirSync } = await import('node:fs');
const [, folder, index] = process.argv;
const log = console.log;
const files = readdirSync(folder + 'vectors').map((name) => [name, JSON.parse(readFileSync(folder + 'vectors/' + name))]);
log('start');
delete globalThis.Buffer;
delete globalThis.process;
const { encodeFrame, decodeBody, FrameReader, widen, KIND } = await import(index);
const hexOf = (bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
let count = 0;
for (const [name, vectors] of files) {
  if (!Array.isArray(vectors) || vectors[0].kind === undefined) continue;
  for (const { hex, kind, opNumber, number } of vectors) {
    const reader = new FrameReader(1 << 20);
    reader.push(Uint8Array.from(hex.match(/../g), (pair) => parseInt(pair, 16)));
    const again = encodeFrame(KIND[kind], opNumber, number, widen(decodeBody(reader.next().body)));
    if (hexOf(again) !== hex) throw new Error(name + ': ' + hex);
    if (again.constructor !== Uint8Array) throw new Error('not plain bytes');
    count++;
  }
}
log(count + ' frames');
`;

test('the golden frames pass without Buffer and process', async () => {
  const { href } = runnable('./index.ts', import.meta.url);
  const args = ['--conditions=browser', ...LOADER, '--input-type=module', '-e', SCRIPT, folder.pathname, href];
  const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: folder });
  assert.match(stdout, /^start\n1\d\d frames\n$/);
});

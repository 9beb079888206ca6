/**
 * Arguments and environment into a command and its settings, or into the one line that says what is wrong with them.
 * Flags stand over variables, variables over defaults. It reads no file and no clock: the same input gives the same answer.
 * A setting that the command has no use for is read and checked like any other, so that one environment fits all commands.
 */
import { parseArgs } from 'node:util';
import { MAIN_STORE } from '../../protocol/event.ts';
import { COMMANDS, type Command, type CommandName, commandOf, OWN_FLAGS, type Own } from './commands.ts';
import { refusalOf } from './production.ts';
import { SettingsRefused } from './refused.ts';
import { BadValue, type MongoUri, type StoreUri } from './setting-values.ts';
import { type Given, type Row, SETTINGS, variableOf } from './settings.ts';

/** Settings with those defaults filled in that come from other settings. */
export type Settings = Omit<Given, 'store' | 'data' | 'demo'> & {
  store: StoreUri;
  /** Beside the main one; all of MongoDB. */
  namedStores: readonly MongoUri[];
  data: string;
  demo: 'on' | 'off';
};
export type Environment = Readonly<Record<string, string | undefined>>;
export type Reading =
  | { kind: 'run'; command: Command; settings: Settings }
  | { kind: 'help' | 'version' }
  | { kind: 'refused'; line: string };

/** Texts as they came, by flag, with the name of the flag or variable they came from. */
type Texts = Map<string, { source: string; text: string }>;

const ROWS: readonly Row<unknown>[] = [...Object.values(SETTINGS), ...Object.values(OWN_FLAGS)];
const SWITCHES: ReadonlySet<string> = new Set(ROWS.filter(({ isSwitch }) => isSwitch).map(({ flag }) => flag));
const FLAGS: ReadonlySet<string> = new Set(ROWS.map(({ flag }) => flag));
/** Their values are never repeated in a line that may end in a log. */
const SECRET_FLAGS: ReadonlySet<string> = new Set(['--store', '--service-keys', '--admin']);
/** Their values are joined by spaces, as in one variable. */
const REPEATED_FLAGS: ReadonlySet<string> = new Set(['--store', '--trust-issuer']);
const TEST_PREFIX = 'CLAIMD_TEST_';

/** `argv` begins after the program's own name. */
export function readSettings({ argv, env }: { argv: readonly string[]; env: Environment }): Reading {
  const { tokens } = parseArgs({ args: [...argv], options: OPTIONS, strict: false, tokens: true });
  const asked = tokens.find((token) => token.kind === 'option' && (token.name === 'help' || token.name === 'version'));
  if (asked?.kind === 'option') return { kind: asked.name as 'help' | 'version' };
  try {
    const texts: Texts = new Map([...textsOfEnvironment(env), ...textsOfFlags(tokens)]);
    const words = tokens.flatMap((token) => (token.kind === 'positional' ? [token.value] : []));
    const { name, operands } = commandWords(words);
    checkOwnFlags(name, texts);
    const settings = resolve(valuesOf(SETTINGS, texts) as Given);
    const refusal = refusalOf(name, settings);
    if (refusal !== null) throw new SettingsRefused(refusal);
    return { kind: 'run', command: commandIn(name, operands, valuesOf(OWN_FLAGS, texts) as Own), settings };
  } catch (error) {
    if (error instanceof SettingsRefused) return { kind: 'refused', line: error.message };
    throw error;
  }
}

const OPTIONS = {
  help: { type: 'boolean', short: 'h' },
  version: { type: 'boolean' },
  ...Object.fromEntries(
    ROWS.map(({ flag, isSwitch }) => [flag.slice(2), { type: isSwitch ? 'boolean' : 'string' } as const]),
  ),
} as const;
type Token = NonNullable<ReturnType<typeof parseArgs>['tokens']>[number];

function textsOfFlags(tokens: readonly Token[]): Texts {
  const texts: Texts = new Map();
  for (const token of tokens) {
    if (token.kind !== 'option') continue;
    const { rawName, value } = token;
    if (!FLAGS.has(rawName)) throw new SettingsRefused(`unknown flag ${rawName}`);
    if (SWITCHES.has(rawName)) {
      if (value !== undefined) throw new SettingsRefused(`${rawName} takes no value`);
      texts.set(rawName, { source: rawName, text: 'on' });
      continue;
    }
    // `--tcp --http …` has lost a value; a value that begins with a dash is written `--flag=-value`.
    if (value === undefined || (!token.inlineValue && value.startsWith('--'))) {
      throw new SettingsRefused(`${rawName} needs a value`);
    }
    const before = REPEATED_FLAGS.has(rawName) ? texts.get(rawName) : undefined;
    texts.set(rawName, { source: rawName, text: before === undefined ? value : `${before.text} ${value}` });
  }
  return texts;
}

function textsOfEnvironment(env: Environment): Texts {
  const flagOf = new Map(Object.values(SETTINGS).map(({ flag }) => [variableOf(flag), flag]));
  const texts: Texts = new Map();
  for (const [name, text] of Object.entries(env)) {
    if (!name.startsWith('CLAIMD_') || name.startsWith(TEST_PREFIX) || text === undefined) continue;
    const flag = flagOf.get(name);
    if (flag === undefined) throw new SettingsRefused(`unknown variable ${name}`);
    texts.set(flag, { source: name, text });
  }
  return texts;
}

function commandWords(words: readonly string[]): { name: CommandName; operands: readonly string[] } {
  for (const name of Object.keys(COMMANDS) as CommandName[]) {
    const length = name.split(' ').length;
    if (words.slice(0, length).join(' ') !== name) continue;
    const operands = words.slice(length);
    const { [operands.length]: missing, length: count } = COMMANDS[name].operands;
    if (missing !== undefined) throw new SettingsRefused(`${name} needs ${missing}`);
    const extra = operands[count];
    if (extra) throw new SettingsRefused(`unexpected argument ${JSON.stringify(extra)} after ${name}`);
    return { name, operands };
  }
  const names = Object.keys(COMMANDS).join(', ');
  if (words[0] === undefined) throw new SettingsRefused(`a command is missing: ${names} (see --help)`);
  throw new SettingsRefused(`unknown command ${JSON.stringify(words.slice(0, 2).join(' '))}: ${names} (see --help)`);
}

function commandIn(name: CommandName, operands: readonly string[], own: Own): Command {
  try {
    return commandOf(name, operands, own);
  } catch (error) {
    throw error instanceof BadValue ? new SettingsRefused(`${name} ${error.message}`) : error;
  }
}

function checkOwnFlags(name: CommandName, texts: Texts): void {
  const { own, required } = COMMANDS[name];
  for (const { flag } of Object.values(OWN_FLAGS)) {
    if (texts.has(flag) && !own.includes(flag)) throw new SettingsRefused(`${name} has no flag ${flag}`);
    if (!texts.has(flag) && required.includes(flag)) throw new SettingsRefused(`${name} needs ${flag}`);
  }
}

function valuesOf(rows: Record<string, Row<unknown>>, texts: Texts): Record<string, unknown> {
  return Object.fromEntries(Object.entries(rows).map(([name, row]) => [name, valueIn(texts, row)]));
}

function valueIn(texts: Texts, row: Row<unknown>): unknown {
  const given = texts.get(row.flag);
  const text = given?.text ?? row.initial;
  if (text === null) return null;
  try {
    return row.parse(text);
  } catch (error) {
    if (!(error instanceof BadValue)) throw error;
    const shown = SECRET_FLAGS.has(row.flag) ? '' : `, not ${JSON.stringify(text.slice(0, 100))}`;
    throw new SettingsRefused(`${given?.source ?? row.flag} ${error.message}${shown}`);
  }
}

/** Fills in what one setting takes from another, and refuses what only makes sense together. */
function resolve(given: Given): Settings {
  const data = given.data ?? folderOf(given.store) ?? './data';
  const { store, namedStores } = storesOf(given.store ?? [{ name: MAIN_STORE, kind: 'lmdb', directory: data }]);
  if ((given.tlsCert === null) !== (given.tlsKey === null)) {
    throw new SettingsRefused(`--tls-cert and --tls-key must be given together`);
  }
  return { ...given, store, namedStores, data, demo: given.demo ?? (given.env === 'production' ? 'off' : 'on') };
}

function storesOf(stores: readonly StoreUri[]): Pick<Settings, 'store' | 'namedStores'> {
  const twice = stores.find(({ name }, i) => stores.findIndex((other) => other.name === name) < i);
  if (twice !== undefined) throw new SettingsRefused(`--store names ${twice.name} twice`);
  const store = stores.find(({ name }) => name === MAIN_STORE);
  if (store === undefined) throw new SettingsRefused(`--store names no store ${MAIN_STORE}`);
  const others = stores.filter((each) => each !== store);
  const namedStores = others.filter((each) => each.kind === 'mongo');
  const embedded =
    others.find((each) => each.kind === 'lmdb') ?? (store.kind === 'lmdb' && others.length > 0 ? store : null);
  if (embedded !== null) {
    throw new SettingsRefused(`--store ${embedded.name} is embedded, and several stores must all be of MongoDB`);
  }
  return { store, namedStores };
}

function folderOf(stores: readonly StoreUri[] | null): string | undefined {
  const main = stores?.find(({ name }) => name === 'main');
  return main?.kind === 'lmdb' ? main.directory : undefined;
}

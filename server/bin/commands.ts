/** Every command of the program: its words, what follows them, and the flags that are its own rather than settings. */
import { eventKeyShape, requestIdShape, userIdShape } from '../../protocol/key.ts';
import { MODES, type Mode } from '../../protocol/mode.ts';
import { dateOrMoment, duration, moment, oneOf, path, roleNames, shaped, whole } from './setting-values.ts';
import type { Row } from './settings.ts';

export type CommandRow = {
  help: string;
  /** What stands after the command's words. */
  operands: readonly string[];
  own: readonly string[];
  required: readonly string[];
};

function command(help: string, row: Partial<CommandRow> = {}): CommandRow {
  return { help, operands: [], own: [], required: [], ...row };
}

export const COMMANDS = {
  start: command('claim server and edge in one process'),
  server: command('the claim server alone'),
  edge: command('the edge alone, in front of the servers of --server'),
  token: command('prints an access token', { own: ['--user', '--roles', '--ttl'], required: ['--user'] }),
  'keys rotate': command('a new key for access tokens in DATA or --token-key; servers take it when they start again'),
  'event put': command('creates or changes the event of a JSON file (- reads stdin)', { operands: ['FILE'] }),
  'event list': command('prints every event'),
  'event mode': command('how an event commits from now on', { operands: ['KEY', MODES.join('|')] }),
  qualify: command('puts the users of a file onto the list of an event (NDJSON or CSV; - reads stdin), or off it', {
    operands: ['EVENT', 'FILE'],
    own: ['--remove'],
  }),
  claim: command('claims once', { own: ['--event', '--user', '--request-id'], required: ['--event', '--user'] }),
  'store status': command('prints every store with its collections, their guards, and what waits in the journal'),
  reconcile: command('compares claims, slots, journal and collections; exit 1 at a mismatch', { own: ['--as-of'] }),
  backup: command('copies the running embedded store into an empty folder of its machine', { operands: ['DIR'] }),
  restore: command('puts a backup into --store lmdb:DIR, whose server is stopped', { operands: ['DIR'] }),
  archive: command('takes claims of periods that are over for good into files of a folder of the server’s machine', {
    own: ['--before', '--to'],
    required: ['--before', '--to'],
  }),
  'journal dump': command('prints what the journal holds, a JSON line for each block and claim', { own: ['--after'] }),
};
export type CommandName = keyof typeof COMMANDS;

/** Flags that belong to a command; they have no variable. */
export const OWN_FLAGS = {
  user: {
    flag: '--user',
    form: 'ID',
    initial: null,
    help: 'who claims, or whose token it is',
    parse: shaped(userIdShape),
  },
  roles: { flag: '--roles', form: 'A,B', initial: 'USER', help: 'roles in the token', parse: roleNames },
  ttl: { flag: '--ttl', form: 'TIME', initial: '15m', help: 'life of the token', parse: duration },
  event: { flag: '--event', form: 'KEY', initial: null, help: 'which event', parse: shaped(eventKeyShape) },
  requestId: {
    flag: '--request-id',
    form: 'ID',
    initial: null,
    help: 'default: a new one',
    parse: shaped(requestIdShape),
  },
  after: {
    flag: '--after',
    form: 'OFFSET',
    initial: null,
    help: 'only blocks behind this offset',
    parse: whole({ min: 0, max: Number.MAX_SAFE_INTEGER }),
  },
  asOf: {
    flag: '--as-of',
    form: 'TIME_UTC',
    initial: null,
    help: 'judges what was granted by then, as 2026-11-22T05:00:00Z; default: 5 s ago',
    parse: moment,
  },
  before: {
    flag: '--before',
    form: 'DATE_UTC',
    initial: null,
    help: 'what ended by then, as 2026-05-18 or 2026-05-18T04:00:00Z',
    parse: dateOrMoment,
  },
  to: { flag: '--to', form: 'DIR', initial: null, help: 'the folder of the archive', parse: path },
  remove: {
    flag: '--remove',
    form: '',
    initial: null,
    help: 'takes the users off the list',
    parse: () => true,
    isSwitch: true,
  },
} satisfies Record<string, Row<unknown>>;

export type Own = { [K in keyof typeof OWN_FLAGS]: ReturnType<(typeof OWN_FLAGS)[K]['parse']> | null };

export type Command =
  | { name: 'start' | 'server' | 'edge' }
  | { name: 'keys rotate' }
  | { name: 'event list' }
  | { name: 'store status' }
  | { name: 'reconcile'; asOf: number | null }
  | { name: 'archive'; before: number; directory: string }
  | { name: 'backup'; directory: string }
  | { name: 'restore'; directory: string }
  | { name: 'token'; user: string; roles: string[]; ttlMs: number }
  | { name: 'event put'; file: string }
  | { name: 'event mode'; event: string; mode: Mode }
  | { name: 'journal dump'; after: number | null }
  | { name: 'qualify'; event: string; file: string; kind: 'add' | 'remove' }
  | { name: 'claim'; event: string; user: string; requestId: string | null };

const eventKeyOf = shaped(eventKeyShape);
const modeOf = oneOf(...MODES);

/** What a command was given; the required parts have been looked for before. Throws BadValue for a bad operand. */
export function commandOf(name: CommandName, operands: readonly string[], own: Own): Command {
  const { user, roles, ttl, event, requestId, after, asOf, remove, before, to } = own;
  const [first = '', second = ''] = operands;
  if (name === 'token') return { name, user: user ?? '', roles: roles ?? [], ttlMs: ttl ?? 0 };
  if (name === 'claim') return { name, event: event ?? '', user: user ?? '', requestId };
  if (name === 'qualify') {
    return { name, event: eventKeyOf(first), file: second, kind: remove === true ? 'remove' : 'add' };
  }
  if (name === 'event put') return { name, file: first };
  if (name === 'event mode') return { name, event: eventKeyOf(first), mode: modeOf(second) };
  if (name === 'reconcile') return { name, asOf };
  if (name === 'archive') return { name, before: before ?? 0, directory: to ?? '' };
  if (name === 'backup' || name === 'restore') return { name, directory: first };
  if (name === 'journal dump') return { name, after };
  return { name };
}

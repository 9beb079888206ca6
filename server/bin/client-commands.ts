/** The commands that ask a running server and end. Their answer is JSON on stdout. */
import { readFile } from 'node:fs/promises';
import { text } from 'node:stream/consumers';
import { type CliAnswer, claimOnce, EXIT, eventList, eventMode, eventPut } from '../../clients/cli.ts';
import { type Client, ConnectFailed, connect, problemJson } from '../../clients/index.ts';
import { journalLines } from '../../clients/journal-dump.ts';
import { realRuntime } from '../lib/runtime.ts';
import { archive } from './archive-command.ts';
import { backUp } from './backup-command.ts';
import type { Command } from './commands.ts';
import { findServiceKeys, keyWithRole } from './keys.ts';
import { qualifyFile } from './qualify-command.ts';
import type { Settings } from './read-settings.ts';
import { reconcile } from './reconcile-command.ts';
import { StartFailed } from './refused.ts';
import { addressText } from './setting-values.ts';
import { storeStatus } from './store-status-command.ts';
import { clientTls } from './tls-files.ts';

const CONNECT_MS = 5_000;

type AskedOnce = Extract<Command, { name: 'event put' | 'event list' | 'event mode' | 'claim' }>;
type Qualify = Extract<Command, { name: 'qualify' }>;
type Upkeep = Extract<Command, { name: 'store status' | 'reconcile' | 'backup' | 'archive' }>;
type ClientCommand = AskedOnce | Qualify | Upkeep | Extract<Command, { name: 'journal dump' }>;

/** Resolves to the exit code: 0, or 3 for a claim that was not granted, or 1. */
export async function runClientCommand(command: ClientCommand, settings: Settings): Promise<number> {
  const input = command.name === 'event put' ? await jsonOf(command.file) : null;
  const client = await connectAs(command.name === 'claim' ? 'game' : 'admin', settings);
  try {
    if (command.name === 'journal dump') return await dump(client, command.after);
    if (command.name === 'qualify') return await qualify(client, command, settings);
    if (isUpkeep(command)) return await upkeep(client, command, settings);
    const { exitCode, body } = await ask(client, command, input);
    process.stdout.write(`${JSON.stringify(body, null, 2)}\n`);
    return exitCode;
  } finally {
    client.close();
  }
}

function ask(client: Client, command: AskedOnce, input: unknown): Promise<CliAnswer> {
  if (command.name === 'event put') return eventPut(client, input);
  if (command.name === 'event list') return eventList(client);
  if (command.name === 'event mode') return eventMode(client, command.event, command.mode);
  const { event, user, requestId } = command;
  return claimOnce(client, { event, user, requestId: requestId ?? undefined });
}

function qualify(client: Client, command: Qualify, settings: Settings): Promise<number> {
  return qualifyFile({ client, ...command, ...longCommand(settings) });
}

function isUpkeep(command: ClientCommand): command is Upkeep {
  return ['store status', 'reconcile', 'backup', 'archive'].includes(command.name);
}

function upkeep(client: Client, command: Upkeep, settings: Settings): Promise<number> {
  const around = { client, ...longCommand(settings) };
  if (command.name === 'reconcile') return reconcile({ ...around, asOf: command.asOf });
  if (command.name === 'backup') return backUp({ ...around, directory: command.directory });
  if (command.name === 'archive') return archive({ ...around, before: command.before, directory: command.directory });
  return storeStatus({ ...around, isTerminal: process.stdout.isTTY === true });
}

/** What a command that takes long works with. Ctrl-C stops it after what is under way; another one ends it at once. */
function longCommand({ data, server }: Settings) {
  const stop = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop.abort());
  const { stderr, stdout } = process;
  return {
    ...{ data, servers: server.map(addressText).sort().join(), runtime: realRuntime },
    sink: {
      isTerminal: stderr.isTTY === true,
      columns: () => stderr.columns ?? 80,
      write: (text: string) => void stderr.write(text),
    },
    print: (text: string) => void stdout.write(text),
    stop: stop.signal,
  };
}

/** Lines go out as they come: a journal may be larger than this machine's memory. */
async function dump(client: Client, after: number | null): Promise<number> {
  const blocks = journalLines(client, after);
  let block = await blocks.next();
  for (; !block.done; block = await blocks.next()) {
    await printed(block.value.map((line) => `${JSON.stringify(line)}\n`).join(''));
  }
  if (block.value === null) return EXIT.done;
  await printed(`${JSON.stringify(problemJson(block.value))}\n`);
  return EXIT.failed;
}

/** Resolves when the text has left, or nobody reads any more. */
function printed(text: string): Promise<void> {
  return new Promise((resolve) => process.stdout.write(text, () => resolve()));
}

async function connectAs(role: 'game' | 'admin', settings: Settings): Promise<Client> {
  const { data, env } = settings;
  const keys = await findServiceKeys({ given: settings.serviceKeys, data, env });
  const { service, key } = keyWithRole(keys, role);
  try {
    return await connect({
      servers: settings.server.map(addressText),
      serviceId: service.serviceId,
      serviceKey: key,
      clientName: 'claimd-cli',
      connectMs: CONNECT_MS,
      tls: await clientTls(settings),
    });
  } catch (error) {
    throw error instanceof ConnectFailed ? new StartFailed(error.message) : error;
  }
}

async function jsonOf(file: string): Promise<unknown> {
  try {
    return JSON.parse(file === '-' ? await text(process.stdin) : await readFile(file, 'utf8'));
  } catch (error) {
    const reason =
      error instanceof SyntaxError ? 'is not JSON' : `cannot be read: ${(error as NodeJS.ErrnoException).code}`;
    throw new StartFailed(`${file} ${reason}`);
  }
}

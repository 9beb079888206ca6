/** The commands that ask a running server and end: event put, event list, claim. Their answer is JSON on stdout. */
import { readFile } from 'node:fs/promises';
import { text } from 'node:stream/consumers';
import { type CliAnswer, claimOnce, eventList, eventPut } from '../../clients/cli.ts';
import { type Client, ConnectFailed, connect } from '../../clients/index.ts';
import type { Command } from './commands.ts';
import { findServiceKeys, keyWithRole } from './keys.ts';
import type { Settings } from './read-settings.ts';
import { StartFailed } from './refused.ts';
import { addressText } from './setting-values.ts';
import { clientTls } from './tls-files.ts';

const CONNECT_MS = 5_000;

type ClientCommand = Extract<Command, { name: 'event put' | 'event list' | 'claim' }>;

/** Resolves to the exit code: 0, or 3 for a claim that was not granted, or 1. */
export async function runClientCommand(command: ClientCommand, settings: Settings): Promise<number> {
  const input = command.name === 'event put' ? await jsonOf(command.file) : null;
  const client = await connectAs(command.name === 'claim' ? 'game' : 'admin', settings);
  try {
    const { exitCode, body } = await ask(client, command, input);
    process.stdout.write(`${JSON.stringify(body, null, 2)}\n`);
    return exitCode;
  } finally {
    client.close();
  }
}

function ask(client: Client, command: ClientCommand, input: unknown): Promise<CliAnswer> {
  if (command.name === 'event put') return eventPut(client, input);
  if (command.name === 'event list') return eventList(client);
  const { event, user, requestId } = command;
  return claimOnce(client, { event, user, requestId: requestId ?? undefined });
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

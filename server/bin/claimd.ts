#!/usr/bin/env node
/**
 * The program. It reads its settings, hands over to one command and turns what went wrong into one line on stderr and an
 * exit code: 78 where the settings can never work, 1 where it did not work now.
 */
import { readFile } from 'node:fs/promises';
import { reasonOf } from '../lib/reason.ts';
import { StoreRefused } from '../store/store.ts';
import type { Command } from './commands.ts';
import { helpText } from './help.ts';
import { readSettings, type Settings } from './read-settings.ts';
import { SettingsRefused } from './refused.ts';

const EXIT = { done: 0, failed: 1, settingsRefused: 78 } as const;

/** Commands are loaded when they are asked for: a token needs no database driver. */
async function run(command: Command, settings: Settings): Promise<number> {
  switch (command.name) {
    case 'start':
      await (await import('./start.ts')).runBoth(settings);
      return EXIT.done;
    case 'server':
      await (await import('./start.ts')).runServer(settings);
      return EXIT.done;
    case 'edge':
      await (await import('./start.ts')).runEdge(settings);
      return EXIT.done;
    case 'token':
      process.stdout.write(`${await (await import('./token-command.ts')).tokenOf(command, settings)}\n`);
      return EXIT.done;
    case 'keys rotate':
      process.stdout.write(`${await (await import('./keys-command.ts')).rotateKeys(settings)}\n`);
      return EXIT.done;
    case 'restore':
      process.stdout.write(`${await (await import('./restore-command.ts')).restore(command.directory, settings)}\n`);
      return EXIT.done;
    default:
      return (await import('./client-commands.ts')).runClientCommand(command, settings);
  }
}

async function main(): Promise<number> {
  const reading = readSettings({ argv: process.argv.slice(2), env: process.env });
  switch (reading.kind) {
    case 'help':
      process.stdout.write(helpText());
      return EXIT.done;
    case 'version':
      process.stdout.write(`${await version()}\n`);
      return EXIT.done;
    case 'refused':
      throw new SettingsRefused(reading.line);
    default:
      return run(reading.command, reading.settings);
  }
}

/** One folder further up in the built package, where this file is in `dist`. */
async function version(): Promise<string> {
  for (const path of ['../../package.json', '../../../package.json']) {
    const text = await readFile(new URL(path, import.meta.url), 'utf8').catch(() => null);
    if (text !== null) return JSON.parse(text).version;
  }
  return 'unknown';
}

function exitCodeOf(error: unknown): number {
  const isRefused = error instanceof SettingsRefused || error instanceof StoreRefused;
  return isRefused ? EXIT.settingsRefused : EXIT.failed;
}

/** One line, whatever the message holds. */
function lineOf(error: unknown): string {
  return reasonOf(error).replace(/\s*[\r\n]+\s*/g, ' ');
}

// A reader that has gone, as in `claimd start | head -1`, is no reason to stop serving.
process.stdout.on('error', () => {});
const code = await main().catch((error: unknown) => {
  process.stderr.write(`claimd: ${lineOf(error)}\n`);
  return exitCodeOf(error);
});
// Whatever a library may still hold open must not keep a process alive that has said its last word.
process.stdout.write('', () => process.exit(code));

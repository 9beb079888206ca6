/** The text of `--help`, made from the tables of commands and settings, so that it cannot lag behind them. */
import { COMMANDS, OWN_FLAGS } from './commands.ts';
import { type Row, SETTINGS, variableOf } from './settings.ts';

export function helpText(): string {
  const commands = Object.entries(COMMANDS).map(([name, row]) => {
    const own = row.own.map((flag) => ownForm(flag, row.required));
    return [[name, ...row.operands, ...own].join(' '), row.help];
  });
  const settings = Object.values(SETTINGS).map((row: Row<unknown>) => [
    `${row.flag} ${row.form}`,
    variableOf(row.flag),
    `${row.help}${row.initial === null ? '' : ` (default ${row.initial})`}`,
  ]);
  return [
    'claimd: event rewards, claimed exactly once.',
    '',
    'Usage: claimd COMMAND [--setting VALUE …]',
    '',
    'Commands',
    ...columns(commands),
    '',
    'Settings: flag, variable, meaning. Flags stand over variables; .env is not read.',
    'A TIME is 500ms, 10s, 15m, 2h or 1d, a SIZE 512MiB or 8GiB. A list is separated by commas.',
    ...columns(settings),
    '',
    'Exit codes: 0 done (a claim: granted or replayed), 3 another outcome of a claim, 1 failure, 78 bad settings.',
    '',
  ].join('\n');
}

function ownForm(flag: string, required: readonly string[]): string {
  const row: Row<unknown> | undefined = Object.values(OWN_FLAGS).find((own) => own.flag === flag);
  const form = row?.isSwitch ? flag : `${flag} ${row?.form}`;
  return required.includes(flag) ? form : `[${form}]`;
}

function columns(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((cells) => cells[column]?.length ?? 0)));
  return rows.map((cells) => `  ${cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  ')}`.trimEnd());
}

/** Rows of named cells as aligned text. */
import type { Cell } from './findings.ts';

/** Empty for no rows. The columns are those of the first row; numbers stand to the right. */
export function columnsText(rows: readonly Readonly<Record<string, Cell>>[]): string {
  const names = Object.keys(rows[0] ?? {});
  if (names.length === 0) return '';
  const lines = [names, ...rows.map((row) => names.map((name) => cellText(row[name])))];
  const widths = names.map((_, column) => Math.max(...lines.map((line) => line[column]?.length ?? 0)));
  const isNumber = names.map((name) => rows.every((row) => typeof row[name] === 'number'));
  const pad = (cell: string, column: number) =>
    isNumber[column] ? cell.padStart(widths[column] ?? 0) : cell.padEnd(widths[column] ?? 0);
  return lines.map((line) => line.map(pad).join('  ').trimEnd()).join('\n');
}

function cellText(cell: Cell | undefined): string {
  return typeof cell === 'number' ? cell.toLocaleString('en', { maximumFractionDigits: 1 }) : (cell ?? '');
}

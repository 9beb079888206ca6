/** Figures as text for people at a terminal. */
import { type Judged, judgedRatio, judgedValue, NONE, seriesCells } from './cells.ts';
import type { CaseFigures } from './figures.ts';

export function tableOf({ name, series, ratios, values, notes }: CaseFigures): string {
  const [head = [], ...rows] = seriesCells(name, series);
  const lines =
    rows.length === 0 ? [name] : columns([head, ...rows.map(([label, ...rest]) => [`  ${label}`, ...rest])]);
  const judged = [...ratios.map(judgedRatio), ...values.map(judgedValue)].map((row) => `  ${lineOf(row)}`);
  return [...lines, ...judged, ...notes.map((note) => `  ${note}`), ''].join('\n');
}

function lineOf({ figure, measured, goal, verdict }: Judged): string {
  return `${figure} = ${measured}${goal === NONE ? '' : `, goal ${goal}${verdict === NONE ? '' : `: ${verdict}`}`}`;
}

/** The first column to the left, figures to the right. */
function columns(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const cellOf = (cell: string, column: number) =>
    column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0);
  return rows.map((row) => row.map(cellOf).join('  ').trimEnd());
}

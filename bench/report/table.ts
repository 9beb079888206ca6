/** Figures as text for people. */
import { type Figures, type Measurement, type Ratio, spreadOf } from './figures.ts';

const HEAD = ['', 'per second', 'min…max', 'p50 ms', 'p99 ms', 'p99.9 ms', 'system CPU', 'µs each', 'load CPU'];
const NONE = '–';

export function tableOf(figures: Figures): string {
  const rows = [...figures.series].map(([label, rounds]) => rowOf(label, rounds));
  const lines = columns([[figures.name, ...HEAD.slice(1)], ...rows]);
  const ratios = figures.ratios.map((ratio) => `  ${ratioText(ratio)}`);
  return [...lines, ...ratios, ...figures.notes.map((note) => `  ${note}`), ''].join('\n');
}

function rowOf(label: string, rounds: readonly Measurement[]): string[] {
  const { median, min, max } = spreadOf(rounds.map(({ perS }) => perS));
  const of = (read: (round: Measurement) => number | null | undefined, text: (value: number) => string) => {
    const values = rounds.map(read).filter((value) => typeof value === 'number');
    return values.length === 0 ? NONE : text(spreadOf(values).median);
  };
  const isVoid = rounds.some(({ voidReason }) => voidReason !== null);
  return [
    `  ${label}`,
    isVoid ? 'VOID' : whole(median),
    `${whole(min)}…${whole(max)}`,
    of(({ latencyMs }) => latencyMs?.p50, milliseconds),
    of(({ latencyMs }) => latencyMs?.p99, milliseconds),
    of(({ latencyMs }) => latencyMs?.p999, milliseconds),
    of(({ systemCpu }) => systemCpu, percent),
    of(
      ({ systemUsPerAnswer }) => systemUsPerAnswer,
      (us) => us.toFixed(1),
    ),
    of(({ generatorCpu }) => generatorCpu, percent),
  ];
}

function ratioText({ of, to, goal, spread: { median, min, max } }: Ratio): string {
  const verdict = goal === null ? '' : `, goal ≥ ${goal}: ${median >= goal ? 'met' : 'short'}`;
  return `${of} ÷ ${to} = ${median.toFixed(2)} (${min.toFixed(2)}…${max.toFixed(2)}${verdict})`;
}

/** The first column to the left, figures to the right. */
function columns(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const cellOf = (cell: string, column: number) =>
    column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0);
  return rows.map((row) => row.map(cellOf).join('  ').trimEnd());
}

function whole(value: number): string {
  return Math.round(value).toLocaleString('en-US');
}

function milliseconds(value: number): string {
  return value < 10 ? value.toFixed(2) : value.toFixed(1);
}

function percent(value: number): string {
  return `${Math.round(value * 100)} %`;
}

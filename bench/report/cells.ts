/** Figures as cells of text, for the table in a terminal and for the page alike. */
import { type Goal, isMet, type Measurement, type Ratio, type Spread, spreadOf, type Value } from './figures.ts';

export const NONE = '–';

type Column = {
  head: string;
  read: (round: Measurement) => number | null | undefined;
  text: (value: number) => string;
};

/** Each shows the median of the rounds; one that no series has is left out. */
const COLUMNS: readonly Column[] = [
  { head: 'p50 ms', read: ({ latencyMs }) => latencyMs?.p50, text: short },
  { head: 'p99 ms', read: ({ latencyMs }) => latencyMs?.p99, text: short },
  { head: 'p99.9 ms', read: ({ latencyMs }) => latencyMs?.p999, text: short },
  { head: 'RSS MiB', read: ({ anonymousMiB }) => anonymousMiB, text: whole },
  { head: 'system CPU', read: ({ systemCpu }) => systemCpu, text: percent },
  { head: 'µs each', read: ({ systemUsPerAnswer }) => systemUsPerAnswer, text: short },
  { head: 'load CPU', read: ({ generatorCpu }) => generatorCpu, text: percent },
  {
    head: 'of ceiling',
    read: ({ perS, ceilingPerS }) => (ceilingPerS === null ? null : perS / ceilingPerS),
    text: percent,
  },
];

/** The head and one row a series. */
export function seriesCells(name: string, series: Readonly<Record<string, readonly Measurement[]>>): string[][] {
  const entries = Object.entries(series);
  const columns = COLUMNS.filter(({ read }) =>
    entries.some(([, rounds]) => rounds.some((round) => isNumber(read(round)))),
  );
  const rows = entries.map(([label, rounds]) => [
    label,
    ...rateCells(rounds),
    ...columns.map((of) => cellOf(of, rounds)),
  ]);
  return [[name, 'per second', 'min…max', ...columns.map(({ head }) => head)], ...rows];
}

function rateCells(rounds: readonly Measurement[]): string[] {
  const { median, min, max } = spreadOf(rounds.map(({ perS }) => perS));
  const isVoid = rounds.some(({ voidReason }) => voidReason !== null);
  return [isVoid ? 'VOID' : whole(median), `${whole(min)}…${whole(max)}`];
}

function cellOf({ read, text }: Column, rounds: readonly Measurement[]): string {
  const values = rounds.map(read).filter(isNumber);
  return values.length === 0 ? NONE : text(spreadOf(values).median);
}

export type Judged = { figure: string; measured: string; goal: string; verdict: 'ok' | 'short' | typeof NONE };

export function judgedRatio({ of, to, goal, rounds, spread }: Ratio): Judged {
  const figure = `${of} ÷ ${to}`;
  if (rounds.length === 0)
    return { figure, ...judged(goal, spread, ratioText), measured: 'not measured', verdict: NONE };
  return { figure, measured: spreadText(spread, ratioText), ...judged(goal, spread, ratioText) };
}

export function judgedValue({ label, unit, goal, spread }: Value): Judged {
  const text = (value: number) => `${short(value)} ${unit}`;
  return { figure: label, measured: spreadText(spread, text), ...judged(goal, spread, text) };
}

function judged(goal: Goal | null, spread: Spread, text: (value: number) => string): Pick<Judged, 'goal' | 'verdict'> {
  if (goal === null) return { goal: NONE, verdict: NONE };
  const bound = 'atLeast' in goal ? `≥ ${text(goal.atLeast)}` : `≤ ${text(goal.atMost)}`;
  return { goal: bound, verdict: isMet(goal, spread) ? 'ok' : 'short' };
}

function spreadText({ median, min, max }: Spread, text: (value: number) => string): string {
  return min === max ? text(median) : `${text(median)} (${text(min)}…${text(max)})`;
}

function ratioText(value: number): string {
  return value.toFixed(2);
}

export function whole(value: number): string {
  return Math.round(value).toLocaleString('en-US');
}

/** Three digits that matter, or all of a large one. */
function short(value: number): string {
  if (value >= 100) return whole(value);
  return value < 10 ? value.toFixed(2) : value.toFixed(1);
}

function percent(value: number): string {
  return `${Math.round(value * 100)} %`;
}

function isNumber(value: number | null | undefined): value is number {
  return typeof value === 'number';
}

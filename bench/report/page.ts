/** Results into the page of figures, in Markdown. What was not measured is named with the reason, never left out. */
import { type Judged, judgedRatio, judgedValue, NONE, seriesCells } from './cells.ts';
import { machineText } from './machine.ts';
import type { CaseReport, Results } from './results.ts';

/** `titles` are headings by the case's name, in the order of the page. */
export function pageOf(
  { takenAt, commands, machine, reports }: Results,
  titles: Readonly<Record<string, string>>,
): string {
  const known = Object.keys(titles).flatMap((name) => reports.filter(({ figures }) => figures.name === name));
  return [
    '# Figures',
    '',
    `Measured by ${commands.map((command) => `\`${command}\``).join(', ')} on ${takenAt.slice(0, 10)};`,
    '[CASES.md](CASES.md) says what each case is. Medians and, in brackets, the spread over the rounds. Server, peer and load',
    'process share the machine and take turns: trust the ratios.',
    '',
    ...machineText(machine)
      .trim()
      .split('\n')
      .map((line) => `- ${line}`),
    '',
    '## Goals',
    '',
    ...goalTable(known, titles),
    ...known.flatMap((report) => section(report, titles[report.figures.name] ?? report.figures.name)),
  ].join('\n');
}

function goalTable(reports: readonly CaseReport[], titles: Readonly<Record<string, string>>): string[] {
  const rows = reports.flatMap(({ figures, skipped, failed }) => {
    const title = titles[figures.name] ?? figures.name;
    if (skipped !== null || failed !== null) return [[title, 'not measured', NONE, skipped ?? failed ?? '']];
    return judgedOf({ figures })
      .filter(({ goal }) => goal !== NONE)
      .map(({ figure, measured, goal, verdict }) => [`${title}: ${figure}`, measured, goal, verdict]);
  });
  return table([['figure', 'measured', 'goal', ''], ...rows]);
}

function section({ figures, skipped, failed }: CaseReport, title: string): string[] {
  const { series, notes, voids } = figures;
  const cells = seriesCells('', series);
  const judged = judgedOf({ figures }).map(({ figure, measured, goal, verdict }) => [figure, measured, goal, verdict]);
  const said = [
    ...(skipped === null ? [] : [`Not measured: ${skipped}.`]),
    ...(failed === null ? [] : [`Failed: ${failed}.`]),
    ...voids.map((reason) => `Void: ${reason}.`),
    ...notes.map((note) => `${note}.`),
  ];
  return [
    '',
    `## ${title}`,
    ...(cells.length > 1 ? ['', ...table(cells)] : []),
    ...(judged.length > 0 ? ['', ...table([['figure', 'measured', 'goal', ''], ...judged])] : []),
    ...(said.length > 0 ? ['', ...said.map((sentence) => `- ${sentence}`)] : []),
  ];
}

function judgedOf({ figures: { ratios, values } }: Pick<CaseReport, 'figures'>): Judged[] {
  return [...ratios.map(judgedRatio), ...values.map(judgedValue)];
}

/** The first column to the left, figures to the right; the cells padded as a formatter would. */
function table(rows: readonly (readonly string[])[]): string[] {
  const [head = []] = rows;
  const widths = head.map((_, column) => Math.max(3, ...rows.map((row) => row[column]?.length ?? 0)));
  const lineOf = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  const rule = widths.map((width, column) => (column === 0 ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`));
  const padded = rows.map((row) =>
    row.map((cell, column) => (column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0))),
  );
  return [padded[0] ?? [], rule, ...padded.slice(1)].map(lineOf);
}

/** What a run leaves behind, as it stands in the JSON: enough to make the page from it later. */
import type { CaseFigures } from './figures.ts';
import type { Machine } from './machine.ts';

export type CaseReport = { figures: CaseFigures; skipped: string | null; failed: string | null };

export type Results = {
  /** ISO 8601. */
  takenAt: string;
  /** What was run, without the paths of this machine. */
  commands: string[];
  machine: Machine;
  reports: CaseReport[];
};

/** Cases of later results take the place of those of earlier ones. */
export function merged(all: readonly Results[]): Results {
  const last = all.at(-1);
  if (last === undefined) throw new Error('no results');
  const reports = new Map(all.flatMap((results) => results.reports).map((report) => [report.figures.name, report]));
  const commands = [...new Set(all.flatMap((results) => results.commands))];
  return { ...last, commands, reports: [...reports.values()] };
}

/**
 * `npm run bench`: runs the cases one after the other, prints a table of each and keeps all of it as JSON. Exit code 1 when
 * a run was void or a case failed; a goal that was missed is told, not punished.
 */
import { rmSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { type Bench, Skipped } from './cases/case.ts';
import { Ceilings } from './cases/ceilings.ts';
import { CASE_NAMES, CASES, TITLES } from './cases.ts';
import { type BenchCommand, type BenchOptions, commandOf, HELP } from './options.ts';
import { Processes, ROOT } from './processes/child.ts';
import { coresFor, coresText } from './processes/cores.ts';
import { Figures } from './report/figures.ts';
import { machineOf, machineText } from './report/machine.ts';
import { pageOf } from './report/page.ts';
import { type CaseReport, merged, type Results } from './report/results.ts';
import { tableOf } from './report/table.ts';

const EXIT = { done: 0, void: 1, usage: 78 } as const;
const PAGE = 'bench/FIGURES.md';

async function runCase(name: string, bench: Bench): Promise<CaseReport> {
  const figures = new Figures(name);
  const report = (skipped: string | null, failed: string | null) => ({ figures: figures.toJSON(), skipped, failed });
  try {
    await CASES[name]?.run(bench, figures);
    return report(null, null);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return error instanceof Skipped ? report(reason, null) : report(null, reason);
  }
}

function printCase({ figures, skipped, failed }: CaseReport): void {
  const stated = [
    ...(skipped === null ? [] : [`${figures.name} skipped: ${skipped}`]),
    ...(failed === null ? [] : [`${figures.name} FAILED: ${failed}`]),
    ...figures.voids.map((reason) => `VOID: ${reason}`),
  ];
  process.stdout.write(`${[tableOf(figures), ...stated].join('\n')}\n`);
}

async function run(options: BenchOptions): Promise<Results> {
  const processes = new Processes();
  const folder = await mkdtemp(join(options.folder, 'claimd-bench-'));
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  const cores = coresFor(options.pin);
  const machine = await machineOf(folder, coresText(cores));
  process.stdout.write(`${machineText(machine)}\n`);
  const ceilings = new Ceilings({ processes, cores });
  const bench = { options, processes, folder, cores, ceilings };
  const reports: CaseReport[] = [];
  const keep = (report: CaseReport) => {
    printCase(report);
    reports.push(report);
  };
  for (const name of options.cases) {
    const report = await runCase(name, bench);
    // What a case that failed has left running would be part of the next one's figures.
    await processes.close();
    keep(report);
  }
  if (ceilings.figures.series.size > 0) keep({ figures: ceilings.figures.toJSON(), skipped: null, failed: null });
  return { takenAt: new Date().toISOString(), commands: [options.command], machine, reports };
}

async function keepJson(results: Results, path: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, `${JSON.stringify(results, null, 2)}\n`);
  process.stdout.write(`written to ${path}\n`);
}

async function writePage(results: Results): Promise<void> {
  await writeFile(join(ROOT, PAGE), `${pageOf(results, TITLES)}\n`);
  process.stdout.write(`written to ${PAGE}\n`);
}

async function resultsIn(file: string): Promise<Results> {
  return JSON.parse(await readFile(file, 'utf8')) as Results;
}

/** A flag that cannot be used. */
class UsageRefused extends Error {}

function givenCommand(): BenchCommand {
  try {
    return commandOf(process.argv.slice(2), CASE_NAMES);
  } catch (error) {
    throw new UsageRefused(error instanceof Error ? error.message : String(error));
  }
}

async function main(): Promise<number> {
  const command = givenCommand();
  if (command.kind === 'help') {
    process.stdout.write(
      HELP.replace('DAILY', CASE_NAMES.daily.join(', ')).replace('CASES', CASE_NAMES.all.join(', ')),
    );
    return EXIT.done;
  }
  if (command.kind === 'page') {
    await writePage(merged(await Promise.all(command.files.map(resultsIn))));
    return EXIT.done;
  }
  const { options } = command;
  const stop = () => process.exit(EXIT.void);
  process.once('SIGINT', stop).once('SIGTERM', stop);
  const results = await run(options);
  const name = `${results.takenAt.replaceAll(':', '')}.json`;
  await keepJson(results, options.json ?? relative(process.cwd(), join(ROOT, 'bench/results', name)));
  if (options.page === 'write') await writePage(results);
  const isVoid = results.reports.some(({ figures, failed }) => failed !== null || figures.voids.length > 0);
  return isVoid ? EXIT.void : EXIT.done;
}

process.exitCode = await main().catch((error: unknown) => {
  process.stderr.write(`bench: ${error instanceof Error ? error.message : String(error)}\n`);
  return error instanceof UsageRefused ? EXIT.usage : EXIT.void;
});

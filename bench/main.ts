/**
 * `npm run bench`: runs the cases one after the other, prints a table of each and keeps all of it as JSON. Exit code 1 when
 * a run was void or a case failed; a goal that was missed is told, not punished.
 */
import { rmSync } from 'node:fs';
import { mkdir, mkdtemp, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type Bench, type Case, Skipped } from './cases/case.ts';
import { duplicates } from './cases/duplicates.ts';
import { http } from './cases/http.ts';
import { mongo } from './cases/mongo.ts';
import { openLoop } from './cases/open-loop.ts';
import { tcp } from './cases/tcp.ts';
import { type BenchOptions, HELP, optionsOf } from './options.ts';
import { Processes, ROOT } from './processes/child.ts';
import { ANY_CORES, coresApart } from './processes/cores.ts';
import { Figures } from './report/figures.ts';
import { machineOf, machineText } from './report/machine.ts';
import { tableOf } from './report/table.ts';

const CASES: Readonly<Record<string, Case>> = { tcp, mongo, duplicates, http, 'open-loop': openLoop };
const EXIT = { done: 0, void: 1, usage: 78 } as const;

type CaseReport = { figures: Figures; skipped: string | null; failed: string | null };

async function runCase(name: string, bench: Bench): Promise<CaseReport> {
  const figures = new Figures(name);
  try {
    await CASES[name]?.(bench, figures);
    return { figures, skipped: null, failed: null };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return error instanceof Skipped
      ? { figures, skipped: reason, failed: null }
      : { figures, skipped: null, failed: reason };
  }
}

function printCase({ figures, skipped, failed }: CaseReport): void {
  const stated = [
    ...(skipped === null ? [] : [`${figures.name} skipped: ${skipped}`]),
    ...(failed === null ? [] : [`${figures.name} FAILED: ${failed}`]),
    ...figures.voids.map((reason) => `VOID: ${reason}`),
  ];
  const table = figures.series.size === 0 ? [] : [tableOf(figures)];
  process.stdout.write(`${[...table, ...stated].join('\n')}\n`);
}

/** A flag that cannot be used. */
class UsageRefused extends Error {}

function givenOptions(): BenchOptions | null {
  try {
    return optionsOf(process.argv.slice(2), Object.keys(CASES));
  } catch (error) {
    throw new UsageRefused(error instanceof Error ? error.message : String(error));
  }
}

async function main(): Promise<number> {
  const options = givenOptions();
  if (options === null) {
    process.stdout.write(HELP.replace('CASES', Object.keys(CASES).join(', ')));
    return EXIT.done;
  }
  const processes = new Processes();
  const folder = await mkdtemp(join(options.folder, 'claimd-bench-'));
  const stop = () => process.exit(EXIT.void);
  process.once('SIGINT', stop).once('SIGTERM', stop);
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  const bench = { options, processes, folder, cores: options.pin === 'on' ? coresApart() : ANY_CORES };
  const reports: CaseReport[] = [];
  const machine = await machineOf(folder);
  process.stdout.write(`${machineText(machine)}\n`);
  try {
    for (const name of options.cases) {
      const report = await runCase(name, bench);
      // What a case that failed has left running would be part of the next one's figures.
      await processes.close();
      printCase(report);
      reports.push(report);
    }
  } finally {
    await processes.close();
  }
  const takenAt = new Date().toISOString();
  const path = options.json ?? join(ROOT, 'bench/results', `${takenAt.replaceAll(':', '')}.json`);
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, `${JSON.stringify({ takenAt, machine, options, cores: bench.cores, reports }, null, 2)}\n`);
  process.stdout.write(`written to ${path}\n`);
  return reports.some(({ figures, failed }) => failed !== null || figures.voids.length > 0) ? EXIT.void : EXIT.done;
}

process.exitCode = await main().catch((error: unknown) => {
  process.stderr.write(`bench: ${error instanceof Error ? error.message : String(error)}\n`);
  return error instanceof UsageRefused ? EXIT.usage : EXIT.void;
});

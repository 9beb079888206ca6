/** The command line of the bench. */
import { tmpdir } from 'node:os';
import { parseArgs } from 'node:util';

/** The steps of the cases on cost growth. */
export type Sizes = {
  stored: readonly number[];
  connections: readonly number[];
  events: readonly number[];
  shards: readonly number[];
};

export type BenchOptions = {
  /** As people repeat it: without the paths of one machine. */
  command: string;
  cases: readonly string[];
  measureMs: number;
  warmUpMs: number;
  /** Length of the runs that show what lasts. */
  sustainedMs: number;
  /** Length of the burst that leaves a backlog. */
  burstMs: number;
  /** Length of each run that shows whether a backlog grows. */
  flatMs: number;
  rounds: number;
  connections: number;
  sizes: Sizes;
  /** Requests per second of the open loop; null for half of the measured peak. */
  ratePerS: number | null;
  pin: (typeof PINS)[number];
  /** Where data folders are made: the disk that is measured. */
  folder: string;
  /** Where the JSON goes; null for a file of its own under bench/results. */
  json: string | null;
  /** Whether the page of figures is written from these results. */
  page: 'write' | 'leave';
  /** A claimd that runs already, instead of one of the bench's own. */
  running: { server: string; http: string | null; data: string } | null;
};

export type BenchCommand =
  | { kind: 'help' }
  | { kind: 'run'; options: BenchOptions }
  /** The page from results that are there. */
  | { kind: 'page'; files: readonly string[] };

export type CaseNames = { daily: readonly string[]; all: readonly string[] };

type Effort = Pick<BenchOptions, 'measureMs' | 'sustainedMs' | 'burstMs' | 'flatMs' | 'rounds' | 'sizes'>;

const PINS = ['on', 'load', 'off'] as const;
const FULL: Sizes = {
  stored: [10_000, 1_000_000, 10_000_000],
  connections: [1, 10, 50, 500, 5_000],
  events: [1, 8, 64],
  shards: [1, 16, 64, 256],
};
const SMALL: Sizes = { stored: [1_000, 10_000], connections: [1, 50, 200], events: [1, 8], shards: [1, 64] };

const EFFORTS = {
  quick: { measureMs: 1_000, sustainedMs: 1_500, burstMs: 1_500, flatMs: 400, rounds: 1, sizes: SMALL },
  daily: { measureMs: 2_000, sustainedMs: 2_000, burstMs: 5_000, flatMs: 2_000, rounds: 3, sizes: SMALL },
  suite: { measureMs: 10_000, sustainedMs: 60_000, burstMs: 60_000, flatMs: 60_000, rounds: 3, sizes: FULL },
} as const satisfies Record<string, Effort>;

export const HELP = `npm run bench [-- FLAGS]         the daily cases: DAILY
npm run bench -- suite [FLAGS]   all cases, sustained and with peers side by side; some hours
npm run bench -- page FILE…      the page of figures from the JSON of earlier runs, later ones over earlier ones

  --cases A,B        which of: CASES
  --quick            one round of about a second each, to see that it works; no figures to quote
  --seconds S        measured seconds of each run (default 2, suite 10)
  --sustained S      seconds of the runs that show what lasts (default 2, suite 60)
  --burst S          seconds of the burst that leaves a backlog (default 5, suite 60)
  --rounds N         rounds, in each of which every side runs once (default 3)
  --connections N    connections of the load process (default 50)
  --rate N           requests per second of the open loop (default half of the measured peak)
  --pin on|load|off  serve and load on cores of their own, only load on one, or neither (default on; needs taskset)
  --dir DIR          where data folders are made, on the disk to be measured (default the system's temporary folder)
  --json FILE        where the JSON goes (default bench/results/TIME.json)
  --page             write bench/FIGURES.md from these results
  --server HOST:PORT --http HOST:PORT --data DIR   a claimd that runs already, and its data folder for the keys
`;

/** Throws with one sentence for people. */
export function commandOf(argv: readonly string[], names: CaseNames): BenchCommand {
  const { values, positionals } = parseArgs({ args: [...argv], options: FLAGS, allowPositionals: true });
  const [command = 'daily', ...rest] = positionals;
  if (values.help === true) return { kind: 'help' };
  if (command === 'page') {
    if (rest.length === 0) throw new Error('page: the files to make it from');
    return { kind: 'page', files: rest };
  }
  if (command !== 'suite' && command !== 'daily') throw new Error(`no command ${command}: suite or page`);
  if (rest.length > 0) throw new Error(`unexpected ${rest[0]}`);
  const isQuick = values.quick === true;
  const effort = EFFORTS[isQuick ? 'quick' : command];
  const usual = command === 'suite' ? names.all : names.daily;
  const { json, dir, data, page, ...repeatable } = values;
  const flags = Object.entries(repeatable).map(([flag, value]) =>
    value === true ? `--${flag}` : `--${flag} ${value}`,
  );
  const words = ['npm run bench', ...(command === 'suite' || flags.length > 0 ? ['--'] : []), ...positionals, ...flags];
  return {
    kind: 'run',
    options: { command: words.join(' '), ...optionsOf(values, effort, { usual, all: names.all }) },
  };
}

type Values = ReturnType<typeof parseArgs<{ options: typeof FLAGS }>>['values'];

function optionsOf(
  values: Values,
  effort: Effort,
  { usual, all }: { usual: readonly string[]; all: readonly string[] },
): Omit<BenchOptions, 'command'> {
  const cases = values.cases?.split(',') ?? usual;
  const unknown = cases.find((name) => !all.includes(name));
  if (unknown !== undefined) throw new Error(`--cases: no case ${unknown}, only ${all.join(', ')}`);
  const pin = PINS.find((word) => word === (values.pin ?? 'on'));
  if (pin === undefined) throw new Error(`--pin: ${PINS.join(', ')}`);
  const seconds = numberOf('--seconds', values.seconds, { initial: effort.measureMs / 1_000, min: 0.1, max: 3_600 });
  const sustained = { initial: effort.sustainedMs / 1_000, min: 0.1, max: 3_600 };
  const burst = { initial: effort.burstMs / 1_000, min: 0.1, max: 3_600 };
  return {
    cases,
    measureMs: seconds * 1_000,
    warmUpMs: Math.min(500, seconds * 500),
    sustainedMs: numberOf('--sustained', values.sustained, sustained) * 1_000,
    burstMs: numberOf('--burst', values.burst, burst) * 1_000,
    flatMs: effort.flatMs,
    rounds: numberOf('--rounds', values.rounds, { initial: effort.rounds, min: 1, max: 100 }),
    connections: numberOf('--connections', values.connections, { initial: 50, min: 1, max: 1_000 }),
    sizes: effort.sizes,
    ratePerS: values.rate === undefined ? null : numberOf('--rate', values.rate, { initial: 0, min: 1, max: 1e7 }),
    pin,
    folder: values.dir ?? tmpdir(),
    json: values.json ?? null,
    page: values.page === true ? 'write' : 'leave',
    running: runningOf(values),
  };
}

const FLAGS = {
  help: { type: 'boolean', short: 'h' },
  quick: { type: 'boolean' },
  cases: { type: 'string' },
  seconds: { type: 'string' },
  sustained: { type: 'string' },
  burst: { type: 'string' },
  rounds: { type: 'string' },
  connections: { type: 'string' },
  rate: { type: 'string' },
  pin: { type: 'string' },
  dir: { type: 'string' },
  json: { type: 'string' },
  page: { type: 'boolean' },
  server: { type: 'string' },
  http: { type: 'string' },
  data: { type: 'string' },
} as const;

function numberOf(
  flag: string,
  text: string | undefined,
  { initial, min, max }: { initial: number; min: number; max: number },
): number {
  const value = text === undefined ? initial : Number(text);
  if (!(value >= min && value <= max)) throw new Error(`${flag}: a number ${min}…${max}`);
  return value;
}

function runningOf({ server, http, data }: Values): BenchOptions['running'] {
  if (server === undefined) return null;
  if (data === undefined) throw new Error('--server needs --data, the data folder with the keys');
  return { server, http: http ?? null, data };
}

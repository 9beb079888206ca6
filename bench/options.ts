/** The command line of the bench. */
import { tmpdir } from 'node:os';
import { parseArgs } from 'node:util';

export type BenchOptions = {
  cases: readonly string[];
  measureMs: number;
  warmUpMs: number;
  rounds: number;
  connections: number;
  /** Requests per second of the open loop; null for half of the measured peak. */
  ratePerS: number | null;
  pin: 'on' | 'off';
  /** Where data folders are made: the disk that is measured. */
  folder: string;
  /** Where the JSON goes; null for a file of its own under bench/results. */
  json: string | null;
  /** A claimd that runs already, instead of one of the bench's own. */
  running: { server: string; http: string | null; data: string } | null;
};

export const HELP = `npm run bench [-- FLAGS]: peak rates and latencies of claimd beside peers, each in real processes.

  --cases A,B        which of: CASES (default all)
  --quick            one round of 1 s, to see that it works; no figures to quote
  --seconds S        measured seconds of each run (default 2)
  --rounds N         rounds, in each of which every side runs once (default 3)
  --connections N    connections of the load process (default 50)
  --rate N           requests per second of the open loop (default half of the measured peak)
  --pin on|off       serve and load on cores of their own where taskset is there (default on)
  --dir DIR          where data folders are made, on the disk to be measured (default the system's temporary folder)
  --json FILE        where the JSON goes (default bench/results/TIME.json)
  --server HOST:PORT --http HOST:PORT --data DIR   a claimd that runs already, and its data folder for the keys
`;

/** Throws with one sentence for people. `null` asks for the help text. */
export function optionsOf(argv: readonly string[], caseNames: readonly string[]): BenchOptions | null {
  const { values } = parseArgs({ args: [...argv], options: FLAGS });
  if (values.help === true) return null;
  const isQuick = values.quick === true;
  const seconds = numberOf('--seconds', values.seconds, { initial: isQuick ? 1 : 2, min: 0.1, max: 3_600 });
  const cases = values.cases?.split(',') ?? caseNames;
  const unknown = cases.find((name) => !caseNames.includes(name));
  if (unknown !== undefined) throw new Error(`--cases: no case ${unknown}, only ${caseNames.join(', ')}`);
  if (values.pin !== 'on' && values.pin !== 'off') throw new Error('--pin: on or off');
  return {
    cases,
    measureMs: seconds * 1_000,
    warmUpMs: Math.min(500, seconds * 500),
    rounds: numberOf('--rounds', values.rounds, { initial: isQuick ? 1 : 3, min: 1, max: 100 }),
    connections: numberOf('--connections', values.connections, { initial: 50, min: 1, max: 1_000 }),
    ratePerS: values.rate === undefined ? null : numberOf('--rate', values.rate, { initial: 0, min: 1, max: 1e7 }),
    pin: values.pin,
    folder: values.dir ?? tmpdir(),
    json: values.json ?? null,
    running: runningOf(values),
  };
}

const FLAGS = {
  help: { type: 'boolean', short: 'h' },
  quick: { type: 'boolean' },
  cases: { type: 'string' },
  seconds: { type: 'string' },
  rounds: { type: 'string' },
  connections: { type: 'string' },
  rate: { type: 'string' },
  pin: { type: 'string', default: 'on' },
  dir: { type: 'string' },
  json: { type: 'string' },
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

function runningOf({ server, http, data }: { server?: string; http?: string; data?: string }): BenchOptions['running'] {
  if (server === undefined) return null;
  if (data === undefined) throw new Error('--server needs --data, the data folder with the keys');
  return { server, http: http ?? null, data };
}

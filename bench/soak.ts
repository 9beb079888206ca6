/**
 * `npm run soak -- CAMPAIGN [--rounds N] [--seed N] [--store lmdb|mongo] [--mode direct|journal]`: failures on purpose
 * against real processes, and an auditor that asks everything again. Exit code 1 for a broken promise, 78 for a wrong command line.
 */
import { parseArgs } from 'node:util';
import type { Mode } from '../protocol/mode.ts';
import { type Campaign, modesOf, Skipped, type StoreKind } from './soak/campaign.ts';
import { CAMPAIGNS } from './soak/campaigns.ts';
import { runCampaign } from './soak/run.ts';

const EXIT = { kept: 0, broken: 1, usage: 78 } as const;
const FLAGS = {
  help: { type: 'boolean', short: 'h' },
  rounds: { type: 'string' },
  seed: { type: 'string' },
  store: { type: 'string' },
  mode: { type: 'string' },
} as const;

type Order = {
  name: string;
  campaign: Campaign;
  rounds: number;
  seed: number;
  store: StoreKind;
  modes: readonly Mode[];
};

class UsageRefused extends Error {}

function helpText(): string {
  const lines = Object.entries(CAMPAIGNS).map(([name, { help, rounds, stores, modes }]) => {
    const defaults = stores.map((store) => `${store} ${rounds[store]}`).join(', ');
    return `  ${name.padEnd(11)} ${help} (rounds: ${defaults}; ${modes.join(', ')})`;
  });
  const head =
    'npm run soak -- CAMPAIGN [--rounds N] [--seed N] [--store lmdb|mongo] [--mode direct|journal]: failures on purpose.';
  return `${head}\n\n${lines.join('\n')}\n`;
}

/** Null asks for the help text. Throws UsageRefused. */
function orderOf(argv: readonly string[]): Order | null {
  const { values, positionals } = parsed(argv);
  const [name, ...rest] = positionals;
  if (values.help === true || name === undefined) return null;
  const campaign = CAMPAIGNS[name];
  if (campaign === undefined) throw new UsageRefused(`no campaign ${name}`);
  if (rest.length > 0) throw new UsageRefused(`one campaign at a time, not ${rest.join(' ')} as well`);
  const store = campaign.stores.find((kind) => kind === (values.store ?? campaign.stores[0]));
  if (store === undefined) throw new UsageRefused(`--store: ${campaign.stores.join(' or ')}`);
  const rounds = wholeOf('--rounds', values.rounds ?? String(campaign.rounds[store]));
  const seed = wholeOf('--seed', values.seed ?? String(Date.now() % 1_000_000));
  const asked = values.mode;
  const modes = asked === undefined ? modesOf(campaign, store) : campaign.modes.filter((mode) => mode === asked);
  if (modes.length === 0) throw new UsageRefused(`--mode: ${campaign.modes.join(' or ')}`);
  return { name, campaign, rounds, seed, store, modes };
}

function parsed(argv: readonly string[]) {
  try {
    return parseArgs({ args: [...argv], options: FLAGS, allowPositionals: true });
  } catch (error) {
    throw new UsageRefused(error instanceof Error ? error.message : String(error));
  }
}

function wholeOf(flag: string, text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new UsageRefused(`${flag}: a whole number`);
  return Number(text);
}

/** One mode after the other; the worst of their exit codes. */
async function carryOut(order: Order): Promise<number> {
  const codes = [];
  for (const mode of order.modes) codes.push(await carryOutIn(mode, order));
  return Math.max(...codes);
}

async function carryOutIn(mode: Mode, { name, campaign, rounds, seed, store }: Order): Promise<number> {
  const startedAtMs = performance.now();
  const where = `${name} on ${store}, ${mode}`;
  process.stdout.write(`${where}: ${rounds} rounds, seed ${seed}\n`);
  try {
    const findings = await runCampaign(campaign, { rounds, seed, store, mode });
    const seconds = ((performance.now() - startedAtMs) / 1_000).toFixed(0);
    const verdict = findings.violations.length === 0 ? 'no promise was broken' : 'PROMISES WERE BROKEN';
    process.stdout.write(`\n${findings.text()}\n\n${where}: ${verdict} (seed ${seed}, ${seconds} s)\n`);
    return findings.violations.length === 0 ? EXIT.kept : EXIT.broken;
  } catch (error) {
    if (!(error instanceof Skipped)) throw error;
    process.stdout.write(`${name} skipped: ${error.message}\n`);
    return EXIT.kept;
  }
}

async function main(): Promise<number> {
  const order = orderOf(process.argv.slice(2));
  if (order !== null) return carryOut(order);
  process.stdout.write(helpText());
  return EXIT.kept;
}

const stop = () => process.exit(EXIT.broken);
process.once('SIGINT', stop).once('SIGTERM', stop);
const code = await main().catch((error: unknown) => {
  process.stderr.write(`soak: ${error instanceof UsageRefused ? error.message : (error as Error).stack}\n`);
  return error instanceof UsageRefused ? EXIT.usage : EXIT.broken;
});
process.stdout.write('', () => process.exit(code));

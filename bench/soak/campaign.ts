/** What a campaign is given and what it gives back. */
import type { Mode } from '../../protocol/mode.ts';
import type { Chance } from '../../protocol/testing/random.ts';
import type { Processes } from '../processes/child.ts';
import type { Findings } from './findings.ts';

export type StoreKind = 'lmdb' | 'mongo';

export type Context = {
  rounds: number;
  store: StoreKind;
  /** Of the events that the campaign makes. */
  mode: Mode;
  chance: Chance;
  /** A temporary folder that is removed after the campaign. */
  folder: string;
  /** What was started with it is stopped after the campaign. */
  processes: Processes;
  findings: Findings;
  /** `short` leaves out what must wait for long deadlines, for the suite. */
  length: 'full' | 'short';
};

export type Campaign = {
  help: string;
  /** Rounds when nobody asks for a number. */
  rounds: Readonly<Record<StoreKind, number>>;
  stores: readonly StoreKind[];
  /** One where it makes no difference. */
  modes: readonly Mode[];
  run(context: Context): Promise<void>;
};

/** Those to run when nobody asks for one: the embedded store has the one that is its default, MongoDB has all. */
export function modesOf({ modes }: Pick<Campaign, 'modes'>, store: StoreKind): readonly Mode[] {
  return store === 'lmdb' && modes.includes('journal') ? ['journal'] : modes;
}

/** A campaign that needs what is not on this machine. */
export class Skipped extends Error {}

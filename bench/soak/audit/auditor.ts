/**
 * The promise as a list of rules over what was asked, answered and stored at last. It is a model of the promise alone: it
 * knows no queue, cache, period or store, and takes nothing from the server but its answers. Invariant: on a correct
 * server no order of sends, losses and crashes breaks a rule.
 */
import type { Claim } from '../../../protocol/claim.ts';
import { ANSWER_RULES } from './answer-rules.ts';
import type { History } from './history.ts';
import { Stored } from './stored.ts';
import { STORED_RULES } from './stored-rules.ts';

/** Breaches of each rule that are told in full. */
const TOLD_MAX = 5;

export type Rule = {
  name: string;
  /** A sentence for each breach. */
  breaches(history: History, stored: Stored): Iterable<string>;
};

export const RULES: readonly Rule[] = [...ANSWER_RULES, ...STORED_RULES];

/** `listed` is everything that the store holds for the events of the history, once all is quiet. */
export function violationsOf(history: History, listed: readonly Claim[]): string[] {
  const stored = new Stored(listed);
  return RULES.flatMap(({ name, breaches }) => {
    const found = [...breaches(history, stored)];
    const told = found.slice(0, TOLD_MAX).map((breach) => `${name}: ${breach}`);
    return found.length > TOLD_MAX ? [...told, `${name}: and ${found.length - TOLD_MAX} more`] : told;
  });
}

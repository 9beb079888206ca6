/**
 * What the answers of a race must look like, all of them taken together. Pure. Every breach is a sentence; the same kind of
 * breach is told once with how often it was seen.
 */
import { type Attempt, finalOf, hasWon, type Won } from './attempt.ts';

export type Rules = {
  /** Units of the event, or null. */
  stock: number | null;
  /** `retries` takes answers that only ask to try again (BUSY and the like) for granted; `nothing` is a fault each. */
  tolerate: 'nothing' | 'retries';
};

export type Verdict = {
  granted: number;
  /** Players of whom more than one request was granted. */
  doubleGrants: number;
  /** Final answers by code. */
  codes: Record<string, number>;
  /** Answers that were followed by another try, by code. */
  retried: Record<string, number>;
  /** HTTP answers of 500 and above, final or not. */
  serverErrors: number;
  faults: string[];
};

/** `attempts` has every attempt of every player. */
export function verdictOf(attempts: readonly Attempt[], { stock, tolerate }: Rules): Verdict {
  const faults = new Faults();
  const byPlayer = groupedByPlayer(attempts);
  const winners = [...byPlayer.values()].map((mine) => judgePlayer(mine, stock, faults)).filter((won) => won !== null);
  if (stock === null && winners.length !== byPlayer.size) {
    faults.add(`${winners.length} players of ${byPlayer.size} have a claim`);
  }
  if (stock !== null) judgeSlots(winners, Math.min(stock, byPlayer.size), faults);
  const retried = countsOf(attempts.flatMap(({ said }) => said.slice(0, -1).map(({ code }) => code)));
  const serverErrors = attempts.flatMap(({ said }) => said).filter(({ status }) => (status ?? 0) >= 500).length;
  if (tolerate === 'nothing') {
    for (const [code, count] of Object.entries(retried)) faults.add(`${code} was answered and asked again`, count);
    if (serverErrors > 0) faults.add('an HTTP status of 500 or above', serverErrors);
  }
  return {
    granted: attempts.filter(hasWon).length,
    doubleGrants: [...byPlayer.values()].filter((mine) => mine.filter(hasWon).length > 1).length,
    codes: countsOf(attempts.map((attempt) => finalOf(attempt).code)),
    retried,
    serverErrors,
    faults: faults.sentences,
  };
}

/** The claim that won, or null when the player has none. */
function judgePlayer(mine: readonly Attempt[], stock: number | null, faults: Faults): Won | null {
  const [winner, second] = mine.filter(hasWon);
  if (second !== undefined) faults.add('DOUBLE GRANT: two requests of one player were granted');
  const won = winner === undefined ? null : finalOf(winner).won;
  if (winner !== undefined && won?.requestId !== winner.requestId) faults.add('a grant carries another request id');
  const expected = won === null && stock !== null ? 'SOLD_OUT' : 'ALREADY_CLAIMED';
  for (const attempt of mine) {
    if (hasWon(attempt)) continue;
    const { code, won: shown } = finalOf(attempt);
    if (code !== expected) faults.add(`${code} instead of ${expected}`);
    else if (code === 'ALREADY_CLAIMED' && !isSame(shown, won)) faults.add('ALREADY_CLAIMED with another claim');
  }
  return won;
}

function judgeSlots(winners: readonly Won[], expected: number, faults: Faults): void {
  const slots = winners.map(({ slot }) => slot ?? 0).sort((a, b) => a - b);
  if (slots.length !== expected) faults.add(`${slots.length} units were granted instead of ${expected}`);
  const wrong = slots.findIndex((slot, index) => slot !== index + 1);
  if (wrong !== -1) faults.add(`slot ${wrong + 1} is missing or given twice`);
}

function isSame(one: Won | null, other: Won | null): boolean {
  if (one === null || other === null) return false;
  return one.requestId === other.requestId && one.grantedAt === other.grantedAt && one.slot === other.slot;
}

function groupedByPlayer(attempts: readonly Attempt[]): Map<string, Attempt[]> {
  const byPlayer = new Map<string, Attempt[]>();
  for (const attempt of attempts) {
    const mine = byPlayer.get(attempt.userId);
    if (mine === undefined) byPlayer.set(attempt.userId, [attempt]);
    else mine.push(attempt);
  }
  return byPlayer;
}

export function countsOf(words: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const word of words) counts[word] = (counts[word] ?? 0) + 1;
  return counts;
}

class Faults {
  readonly #counts = new Map<string, number>();

  add(sentence: string, count = 1): void {
    this.#counts.set(sentence, (this.#counts.get(sentence) ?? 0) + count);
  }

  get sentences(): string[] {
    return [...this.#counts].map(([sentence, count]) => (count === 1 ? sentence : `${sentence} (${count} times)`));
  }
}

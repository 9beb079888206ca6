/**
 * The tables of a batch's result while it is made, and the room that is left in the reply. Each place in a table is
 * handed out once and costs room once; what would not fit is never put in.
 */
import { ENTRY_BYTES, type SettledClaim } from './batch.ts';
import { encodeRewards, type Reward, wideOrNull } from './claim.ts';
import { encodeBody, type Value, wide } from './codec.ts';
import { encodeProblem, type Problem } from './reply.ts';

type Series = { period: string; configVersion: number; rewards: readonly Reward[]; nextClaimAt: number | null };

export const NO_ROOM = -1;

export class BatchTables {
  readonly series: Value[] = [];
  readonly problems: Value[] = [];
  readonly #seriesBy = new Map<string, { series: Series; place: number }[]>();
  readonly #problemBy = new Map<string, number>();
  #last: { series: Series; place: number } | null = null;
  #bytesLeft: number;
  #valuesLeft: number;

  constructor({ bytesLeft, valuesLeft }: { bytesLeft: number; valuesLeft: number }) {
    this.#bytesLeft = bytesLeft;
    this.#valuesLeft = valuesLeft;
  }

  /** NO_ROOM when its entry of `entryBytes`, or its series, does not fit. */
  placeOfClaim(outcome: SettledClaim, entryBytes: number): number {
    const { claim, nextClaimAt } = outcome;
    const { period, configVersion, rewards } = claim;
    const series = { period, configVersion, rewards, nextClaimAt };
    // The room of the shortest entry is set aside for each.
    const extraBytes = entryBytes - ENTRY_BYTES.problem;
    const known = this.#knownSeries(series);
    if (known === null) return this.#addSeries(series, extraBytes);
    return this.#take(extraBytes, 0) ? known.place : NO_ROOM;
  }

  placeOfProblem(problem: Problem): number {
    const key = problemKeyOf(problem);
    const known = this.#problemBy.get(key);
    if (known !== undefined) return known;
    const body = encodeProblem(problem);
    if (!this.#take(encodeBody(body).length, valuesIn(body))) return NO_ROOM;
    this.#problemBy.set(key, this.problems.length);
    return this.problems.push(body) - 1;
  }

  #knownSeries(series: Series): { place: number } | null {
    // Nearly always the series of the claim before.
    if (this.#last !== null && isSameSeries(this.#last.series, series)) return this.#last;
    const alike = this.#seriesBy.get(seriesKeyOf(series)) ?? [];
    this.#last = alike.find((known) => isSameSeries(known.series, series)) ?? null;
    return this.#last;
  }

  #addSeries(series: Series, extraBytes: number): number {
    const { period, configVersion, rewards, nextClaimAt } = series;
    const tuple = [period, wide(configVersion), encodeRewards(rewards), wideOrNull(nextClaimAt)];
    if (!this.#take(encodeBody(tuple).length + extraBytes, valuesIn(tuple))) return NO_ROOM;
    const known = { series, place: this.series.push(tuple) - 1 };
    const key = seriesKeyOf(series);
    this.#seriesBy.set(key, [...(this.#seriesBy.get(key) ?? []), known]);
    this.#last = known;
    return known.place;
  }

  #take(bytes: number, values: number): boolean {
    if (bytes > this.#bytesLeft || values > this.#valuesLeft) return false;
    this.#bytesLeft -= bytes;
    this.#valuesLeft -= values;
    return true;
  }
}

function seriesKeyOf({ period, configVersion, nextClaimAt }: Series): string {
  return `${period} ${configVersion} ${nextClaimAt}`;
}

function isSameSeries(one: Series, other: Series): boolean {
  return (
    one.configVersion === other.configVersion &&
    one.period === other.period &&
    one.nextClaimAt === other.nextClaimAt &&
    (one.rewards === other.rewards || isSameRewards(one.rewards, other.rewards))
  );
}

function isSameRewards(one: readonly Reward[], other: readonly Reward[]): boolean {
  if (one.length !== other.length) return false;
  return one.every(({ kind, id, amount }, i) => {
    const reward = other[i];
    return reward?.kind === kind && reward.id === id && reward.amount === amount;
  });
}

/** Refusals of one window are told once, with the server time of the first of them. */
function problemKeyOf(problem: Problem): string {
  if ('retryAfterMs' in problem && problem.detail === undefined) return `${problem.code} ${problem.retryAfterMs}`;
  if (!('window' in problem)) return JSON.stringify(problem);
  const { window, code, detail = '' } = problem;
  return `${code} ${window.startsAt} ${window.endsAt} ${detail}`;
}

/** How many MessagePack values there are, itself included. */
function valuesIn(value: Value): number {
  return Array.isArray(value) ? value.reduce((sum: number, inner: Value) => sum + valuesIn(inner), 1) : 1;
}

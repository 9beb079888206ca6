/**
 * One period out of the store: its claims go into a file, the file is read back and each claim of it compared with the store, a
 * manifest is sealed, and then those very claims are removed. Killed in between it begins again where nothing is sealed yet, and
 * removes the rest where something is. What is in the store after that goes into a further part.
 */
import type { ArchiveItem } from '../../protocol/upkeep.ts';
import { type Deliveries, isDelivering, withDelivery } from '../rules/archived.ts';
import type { Archive, Series } from '../store/archive.ts';
import type { ClaimRecord, ClaimStore } from '../store/store.ts';
import type { Sum } from './claim-file.ts';
import { claimOfLine, lineOf } from './claim-line.ts';
import { type Folder, fileOf, nameOf } from './folder.ts';
import { ARCHIVE_FORMAT, type Manifest } from './manifest.ts';
import { ArchiveRefused } from './refused.ts';

export type PeriodParts = {
  /** The store's own, without those of a journal: they are all in the store by now. */
  claims: Pick<ClaimStore, 'byKey' | 'usersOf'>;
  archive: Archive;
  folder: Folder;
  clusterId: string;
  nowMs: () => number;
  /** Told before a file is vouched for, and so before anything of it is removed. */
  sealing: (manifest: Manifest) => Promise<void>;
};

export type Phase = 'mark' | 'count' | 'write' | 'verify' | 'remove';
/** `done` claims more have been gone through, and `removed` more are gone from the store. */
export type Step = { phase: Phase; done: number; removed: number; item?: ArchiveItem };

type Written = Sum & Pick<Manifest, 'claims' | 'slotHighest' | 'grantedFirst' | 'grantedLast'>;

/** Claims that come while they are archived, which none should, make a part each time. */
const PARTS_MAX = 100;
/** Of a file that is not read to its end. */
const NO_SUM: Sum = { bytes: 0, sha256: '' };
const NOTHING = { claims: 0, file: null, sha256: null, detail: null } as const;

/** Rejects with StoreUnavailable, ArchiveRefused, or as the disk does. */
export async function* archivePeriod(parts: PeriodParts, series: Series): AsyncGenerator<Step> {
  for (let part = 1; part <= PARTS_MAX; part++) {
    const name = nameOf({ ...series, clusterId: parts.clusterId, part });
    let manifest = await parts.folder.manifest(name);
    if (manifest === null) {
      if (!(await isAny(parts, series))) return parts.archive.clear(series);
      manifest = yield* sealed(parts, series, { name, part });
      if (manifest === null) return;
    } else {
      belongs(manifest, parts, series);
      yield* verify(parts, { name, series, expected: manifest, isPresent: async () => {} });
    }
    yield* remove(parts, series, name);
    const { claims, file, sha256 } = manifest;
    const { eventKey, period } = series;
    const item: ArchiveItem = { kind: 'archived', eventKey, period, claims, file, sha256, detail: null };
    yield { phase: 'remove', done: 0, removed: 0, item };
  }
  throw new ArchiveRefused(`claims of ${series.eventKey}/${series.period} go on coming while they are archived`);
}

async function isAny({ claims }: PeriodParts, { eventKey, period }: Series): Promise<boolean> {
  return (await claims.usersOf(eventKey, period, { limit: 1 })).length > 0;
}

/** Null when the period stays in the store as it is. */
async function* sealed(
  parts: PeriodParts,
  series: Series,
  { name, part }: { name: string; part: number },
): AsyncGenerator<Step, Manifest | null> {
  const { eventKey, period } = series;
  const written = yield* write(parts, series, name);
  if (written === null) return null;
  yield* verify(parts, { name, series, expected: written, isPresent: (lines) => compared(parts, lines) });
  const { clusterId, nowMs, folder, sealing } = parts;
  const manifest: Manifest = {
    ...{ format: ARCHIVE_FORMAT, clusterId, eventKey, period, part, file: fileOf(name) },
    ...written,
    sealedAt: iso(nowMs()),
  };
  await sealing(manifest);
  await folder.seal(name, manifest);
  return manifest;
}

async function* write(parts: PeriodParts, series: Series, name: string): AsyncGenerator<Step, Written | null> {
  const writer = parts.folder.writer(name);
  const tally = new Tally();
  let isPublished = false;
  try {
    for await (const claims of pagesOf(parts, series)) {
      for (const claim of claims) tally.add(claim);
      await writer.write(claims.map((claim) => `${lineOf(claim)}\n`).join(''));
      yield { phase: 'write', done: claims.length, removed: 0 };
    }
    if (isDelivering(tally.deliveries)) {
      yield { phase: 'write', done: 0, removed: 0, item: leftItem(series, tally) };
      return null;
    }
    const sum = await writer.close();
    await parts.folder.publish(writer);
    isPublished = true;
    return { ...tally.written(), ...sum };
  } finally {
    if (!isPublished) await writer.discard();
  }
}

async function* pagesOf(
  { claims, archive: { removeMax: limit } }: PeriodParts,
  { eventKey, period }: Series,
): AsyncGenerator<ClaimRecord[]> {
  let last: string | undefined;
  for (;;) {
    const userIds = await claims.usersOf(eventKey, period, { limit, ...(last === undefined ? {} : { after: last }) });
    const keys = userIds.map((userId) => `${eventKey}/${period}/${userId}`);
    const found = keys.length === 0 ? [] : await claims.byKey(keys);
    yield found.filter((claim) => claim !== null);
    if (userIds.length < limit) return;
    last = userIds.at(-1);
  }
}

/** What is asked of the claims that are written. */
class Tally {
  deliveries: Deliveries = { pending: 0, others: 0 };
  claims = 0;
  #slotHighest: number | null = null;
  #first = Number.POSITIVE_INFINITY;
  #last = Number.NEGATIVE_INFINITY;

  add(claim: ClaimRecord): void {
    this.claims++;
    this.deliveries = withDelivery(this.deliveries, claim);
    if (claim.slot !== null) this.#slotHighest = Math.max(this.#slotHighest ?? 0, claim.slot);
    this.#first = Math.min(this.#first, claim.grantedAt);
    this.#last = Math.max(this.#last, claim.grantedAt);
  }

  written(): Omit<Written, keyof Sum> {
    const [first, last] = this.claims === 0 ? [null, null] : [iso(this.#first), iso(this.#last)];
    return { claims: this.claims, slotHighest: this.#slotHighest, grantedFirst: first, grantedLast: last };
  }
}

type Verifying = {
  name: string;
  series: Series;
  expected: Pick<Manifest, 'claims' | 'bytes' | 'sha256'>;
  /** Rejects when the store does not have what these lines say. */
  isPresent: (lines: readonly string[]) => Promise<void>;
};

/** Reads the whole file back. Throws ArchiveRefused when it is not what it should be. */
async function* verify(
  { folder, archive }: PeriodParts,
  { name, series, expected, isPresent }: Verifying,
): AsyncGenerator<Step> {
  const reading = folder.lines(name, archive.removeMax);
  let claims = 0;
  try {
    for (let next = await reading.next(); ; next = await reading.next()) {
      if (next.done) return agreed(name, expected, { ...next.value, claims });
      const lines = next.value;
      if (!lines.every((line) => isOf(series, line))) throw refused(name, 'has a claim of another period');
      await isPresent(lines);
      claims += lines.length;
      yield { phase: 'verify', done: lines.length, removed: 0 };
    }
  } finally {
    await reading.return(NO_SUM);
  }
}

function isOf({ eventKey, period }: Series, line: string): boolean {
  const claim = claimOfLine(line);
  return claim.eventKey === eventKey && claim.period === period;
}

function agreed(name: string, expected: Verifying['expected'], found: Verifying['expected']): void {
  for (const figure of ['claims', 'bytes', 'sha256'] as const) {
    if (found[figure] !== expected[figure]) {
      throw refused(name, `does not have the ${figure} that were written: ${found[figure]}, not ${expected[figure]}`);
    }
  }
}

async function compared({ claims }: PeriodParts, lines: readonly string[]): Promise<void> {
  const keys = lines.map((line) => claimOfLine(line).claimKey);
  const stored = await claims.byKey(keys);
  for (const [i, claim] of stored.entries()) {
    if (claim === null || lineOf(claim) !== lines[i]) {
      throw new ArchiveRefused(`${keys[i]} has changed in the store while it was archived: run the command again`);
    }
  }
}

async function* remove({ folder, archive }: PeriodParts, series: Series, name: string): AsyncGenerator<Step> {
  const reading = folder.lines(name, archive.removeMax);
  for await (const lines of reading) {
    const claims = lines.map(claimOfLine);
    const removed = await archive.remove(series, claims);
    yield { phase: 'remove', done: claims.length, removed };
  }
}

/** A name that two periods share, or a file that somebody has put there. */
function belongs({ clusterId, eventKey, period, file }: Manifest, parts: PeriodParts, series: Series): void {
  const isOurs = clusterId === parts.clusterId && eventKey === series.eventKey && period === series.period;
  if (!isOurs) throw new ArchiveRefused(`${file} is not of ${series.eventKey}/${series.period} of this cluster`);
}

function leftItem({ eventKey, period }: Series, { claims, deliveries }: Tally): ArchiveItem {
  const detail = `${deliveries.pending} deliveries are pending`;
  return { ...NOTHING, kind: 'left', eventKey, period, claims, detail };
}

function refused(name: string, what: string): ArchiveRefused {
  return new ArchiveRefused(`${fileOf(name)} ${what}; nothing of it was removed from the store`);
}

function iso(time: number): string {
  return new Date(time).toISOString();
}

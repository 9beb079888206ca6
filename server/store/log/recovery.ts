/**
 * Finds out what a log holds: reads every block that is kept, decides where the last boot ended, and refuses a log of
 * which something that was answered is missing. It changes nothing.
 *
 * The last boot may end anywhere before what was on its way when the power went. At most `IN_FLIGHT_MAX` blocks are on
 * their way at once, so a block that is followed by one that many sequences later was durable, and may have been answered.
 */
import { StoreRefused } from '../store.ts';
import { damage, type Folder, headOf, segmentsAmong, withSegment } from './folder.ts';
import type { Mark } from './mark.ts';
import { Chain, laterBlock, type Stop, scan } from './scan.ts';
import { firstPlaceIn, nameOfSegment, type Seal, type SegmentHead } from './segment.ts';

/** Blocks that may be on their way at once. More did not make it faster. */
export const IN_FLIGHT_MAX = 2;

export type Recovered = {
  /** The last block of all, which the next boot seals; null when there was none. */
  seal: Seal | null;
  /** The segment with which the next boot begins. */
  next: number;
  /** That one and later ones, as far as they exist; nothing valid is in them. */
  unused: number[];
  /** Released, and still there. */
  released: number[];
};

/** The segments that one boot has written, ascending. */
type Boot = SegmentHead & { segments: number[] };
type Ended = { chain: Chain; stop: Stop; segment: number };
/** A block that must have been there, and the end of it or its place. */
type Known = { sequence: number; end: number };

/** Rejects with StoreRefused when the log is damaged. */
export async function recover(folder: Folder, mark: Mark): Promise<Recovered> {
  const present = segmentsAmong(await folder.files.list(folder.directory));
  const kept = present.filter((number) => number >= mark.oldest);
  const released = present.filter((number) => number < mark.oldest);
  demandAll(folder, kept, mark);
  const boots = await bootsOf(folder, kept);
  const last = boots.at(-1);
  for (const [i, boot] of boots.entries()) {
    const after = boots[i + 1];
    if (after !== undefined) await demandSealed(folder, boot, after);
  }
  if (last === undefined) return { seal: sealOf(mark), next: mark.oldest, unused: [], released };
  const chain = await endOf(folder, last, mark);
  demandMarked(mark, boots, folder);
  const isEmpty = chain.sequence === 0;
  const next = lastSegment(folder, last, chain) + 1;
  const { origin, end, sequence, crc } = chain;
  return {
    seal: isEmpty ? last.seal : { origin, end, sequence, crc },
    next,
    unused: last.segments.filter((number) => number >= next),
    released,
  };
}

/** No segment may be missing between the oldest and the last of which anybody knows. */
function demandAll(folder: Folder, kept: readonly number[], mark: Mark): void {
  const known = mark.sequence > 0 ? Math.floor((mark.end - 1) / folder.segmentBytes) : lastBefore(mark, folder);
  const last = Math.max(known, kept.at(-1) ?? -1);
  for (let number = mark.oldest; number <= last; number++) {
    if (!kept.includes(number)) {
      throw new StoreRefused(`the journal is damaged: ${folder.directory} has no ${nameOfSegment(number)}`);
    }
  }
}

/** A boot that has no blocks yet may have lost its segment: there is nothing in it. */
function lastBefore({ end }: Mark, { segmentBytes }: Folder): number {
  return Math.floor(end / segmentBytes) - 1;
}

function sealOf({ origin, end, sequence, crc }: Mark): Seal | null {
  return sequence === 0 ? null : { origin, end, sequence, crc };
}

async function bootsOf(folder: Folder, segments: readonly number[]): Promise<Boot[]> {
  const boots: Boot[] = [];
  for (const number of segments) {
    const head = await headOf(folder, number);
    const boot = boots.at(-1);
    if (boot !== undefined && boot.origin === head.origin && boot.startsAt === head.startsAt)
      boot.segments.push(number);
    else {
      const isFirst = head.startsAt === firstPlaceIn(number, folder.segmentBytes);
      // Only the oldest boot may have lost segments, which were released.
      if (boot !== undefined && !isFirst) throw damage(folder, number, 0, `boot ${head.origin} begins elsewhere`);
      boots.push({ ...head, segments: [number] });
    }
  }
  return boots;
}

/** Everything that the boot after it has found must still be there, and is all there is. */
async function demandSealed(folder: Folder, boot: Boot, { seal, segments }: Boot): Promise<void> {
  const [sealedIn] = segments as [number];
  if (seal === null || seal.origin !== boot.origin) {
    throw damage(folder, sealedIn, 0, `a seal of ${seal?.origin ?? 'nothing'}, not of ${boot.origin}`);
  }
  const { chain, stop, segment } = await follow(folder, boot, seal.end);
  if (stop.why !== null || chain.end !== seal.end) throw missing(folder, { chain, stop, segment }, seal);
  if (chain.sequence !== seal.sequence || chain.crc !== seal.crc) {
    const found = `block ${chain.sequence} with checksum ${chain.crc}`;
    throw damage(
      folder,
      sealedIn,
      0,
      `a seal of block ${seal.sequence} with checksum ${seal.crc}, but there is ${found}`,
    );
  }
}

/** Where the last boot ends. */
async function endOf(folder: Folder, boot: Boot, mark: Mark): Promise<Chain> {
  const ended = await follow(folder, boot, Number.POSITIVE_INFINITY);
  const { chain, segment } = ended;
  const isMarked = mark.origin === boot.origin && mark.sequence > 0;
  if (isMarked && chain.sequence < mark.sequence) throw missing(folder, ended, mark);
  if (isMarked && chain.sequence === mark.sequence && chain.crc !== mark.crc) {
    const found = `block ${chain.sequence} with checksum ${chain.crc}`;
    throw damage(folder, segment, 0, `${found}, which has ${mark.crc} in the mark`);
  }
  // What was released ended before a block that stayed.
  if (chain.sequence === 0 && !isWhole(boot, folder)) throw missing(folder, ended, { sequence: 1, end: chain.end });
  const later = await laterThan(folder, boot, ended);
  if (later !== null) throw missing(folder, ended, later);
  return chain;
}

/** A block of the boot that cannot have been written while the first missing one was on its way; null when there is none. */
async function laterThan(folder: Folder, boot: Boot, { chain, stop, segment }: Ended): Promise<Known | null> {
  const { segmentBytes } = folder;
  const wanted = { origin: boot.origin, sequence: chain.sequence + 1 + IN_FLIGHT_MAX };
  for (const number of boot.segments.filter((each) => each >= segment)) {
    const base = number * segmentBytes;
    const span = { base, from: number === segment ? stop.at : base, segmentBytes };
    const found = await withSegment(folder, number, (file) => laterBlock(file, span, wanted));
    if (found !== null) return { sequence: found.sequence, end: found.at };
  }
  // A segment is made when the one before it has durable blocks.
  const last = lastSegment(folder, boot, chain);
  const isTold = boot.segments.some((number) => number > last + 1);
  return isTold ? { sequence: chain.sequence + 1, end: firstPlaceIn(last + 1, segmentBytes) } : null;
}

/** The segment of the boot's last block; of a boot without any the one before its first. */
function lastSegment({ segmentBytes }: Folder, boot: Boot, { sequence, end }: Chain): number {
  return sequence === 0 ? (boot.segments[0] as number) - 1 : Math.floor((end - 1) / segmentBytes);
}

function isWhole(boot: Boot, { segmentBytes }: Folder): boolean {
  return boot.startsAt === firstPlaceIn(boot.segments[0] as number, segmentBytes);
}

/** Reads a boot's blocks to where they stop, at most to `until`. */
async function follow(folder: Folder, boot: Boot, until: number): Promise<Ended> {
  const { segmentBytes } = folder;
  const [first] = boot.segments as [number];
  const begin = firstPlaceIn(first, segmentBytes);
  const chain = new Chain(boot.origin, begin, isWhole(boot, folder) ? 'atFirst' : 'within');
  let stop: Stop = { at: begin, why: null };
  let segment = first;
  for (segment of boot.segments) {
    const from = firstPlaceIn(segment, segmentBytes);
    if (from >= until) break;
    const span = { base: segment * segmentBytes, from, until, segmentBytes };
    stop = await withSegment(folder, segment, async (file) => {
      const blocks = scan(file, span, chain);
      for (;;) {
        const { done, value } = await blocks.next();
        if (done) return value;
      }
    });
    if (stop.why !== null) break;
  }
  return { chain, stop, segment };
}

/** What the mark knows of must be found, unless it was released. */
function demandMarked(mark: Mark, boots: readonly Boot[], { directory, segmentBytes }: Folder): void {
  if (mark.sequence === 0 || mark.end <= mark.oldest * segmentBytes) return;
  const at = boots.findIndex(({ origin }) => origin === mark.origin);
  const seal = boots[at + 1]?.seal;
  if (at !== -1 && (seal === undefined || seal === null || seal.end >= mark.end)) return;
  throw new StoreRefused(
    `the journal is damaged: ${directory} misses blocks of ${mark.origin} before offset ${mark.end}, which its mark names`,
  );
}

function missing(folder: Folder, { chain, stop, segment }: Ended, known: Known): StoreRefused {
  const position = stop.at - segment * folder.segmentBytes;
  const expected = `expected block ${chain.sequence + 1} of ${chain.origin}, found ${stop.why ?? 'its end'}`;
  const why = `block ${known.sequence} at or before offset ${known.end} was written`;
  return damage(folder, segment, position, `${expected}, though ${why}`);
}

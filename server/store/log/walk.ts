/**
 * Blocks between two offsets, across segments and boots: for the projection, and for whoever indexes them at the start.
 * It believes what it is told about the newest boot and what the seals say about those before.
 */
import { StoreRefused } from '../store.ts';
import { type FileLayer, realFiles } from './files.ts';
import { damage, type Folder, headOf, openSegment, segmentsAmong } from './folder.ts';
import { identityIn } from './mark.ts';
import { Chain, scan } from './scan.ts';
import { firstPlaceIn, type SegmentHead } from './segment.ts';

/**
 * The blocks of `[from, until)`, oldest first, each a copy; everything of the newest boot before `until` must be
 * durable. For another thread or process than the writer's. `from` is where a block lies or ends. Rejects with
 * StoreRefused when a block is missing: damaged, or released.
 */
export async function* readLog(
  directory: string,
  { from, until }: { from: number; until: number },
  files: FileLayer = realFiles,
): AsyncGenerator<Buffer> {
  if (from >= until) return;
  const identity = await identityIn(files, directory);
  if (typeof identity === 'string') throw new StoreRefused(`the journal is damaged: ${directory}: ${identity}`);
  yield* walk({ ...identity, files, directory }, from, until);
}

export async function* walk(folder: Folder, from: number, until: number): AsyncGenerator<Buffer> {
  const { segmentBytes } = folder;
  const heads = await headsBetween(folder, from, until);
  let chain: Chain | null = null;
  for (const [i, head] of heads.entries()) {
    const { number, origin } = head;
    const after = heads.slice(i).find((each) => each.origin !== origin);
    const end = Math.min(until, after?.seal?.end ?? until);
    const begin = Math.max(from, firstPlaceIn(number, segmentBytes));
    if (begin >= end) continue;
    if (chain?.origin !== origin) chain = new Chain(origin, begin, begin === head.startsAt ? 'atFirst' : 'within');
    const span = { base: number * segmentBytes, from: begin, until: end, segmentBytes };
    yield* blocksOf(folder, head, span, chain);
    const isLast = heads[i + 1]?.origin !== origin;
    if (isLast && chain.end < end) throw damage(folder, number, chain.end - span.base, `the end, before offset ${end}`);
  }
}

type Within = { base: number; from: number; until: number; segmentBytes: number };

async function* blocksOf(folder: Folder, { number }: SegmentHead, span: Within, chain: Chain): AsyncGenerator<Buffer> {
  const file = await openSegment(folder, number, 'read');
  try {
    const batches = scan(file, span, chain);
    for (;;) {
      const { done, value } = await batches.next();
      if (!done) {
        for (const { bytes } of value) yield Buffer.from(bytes);
        continue;
      }
      if (value.why === null) return;
      throw damage(folder, number, value.at - span.base, `expected block ${chain.sequence + 1}, found ${value.why}`);
    }
  } finally {
    await file.close();
  }
}

/** Of every segment from that of `from` to that of the last byte before `until`. */
async function headsBetween(folder: Folder, from: number, until: number): Promise<SegmentHead[]> {
  const { files, directory, segmentBytes } = folder;
  if (from >= until) return [];
  const first = Math.floor(from / segmentBytes);
  const last = Math.floor((until - 1) / segmentBytes);
  const present = segmentsAmong(await files.list(directory));
  const heads: SegmentHead[] = [];
  for (let number = first; number <= last; number++) {
    if (!present.includes(number)) {
      throw new StoreRefused(`the journal ${directory} has no offset ${number * segmentBytes} any more, or not yet`);
    }
    heads.push(await headOf(folder, number));
  }
  return heads;
}

/**
 * Puts what a hint says into a node's memory, when it may be believed: it is whole, it was made with this process's seed, its
 * last block is where it was, the store has not gone back, and no event it speaks of has changed its mode since. Else nothing
 * is taken over and the start goes on from the journal and the store alone.
 */

import { bytesOfSeed, type Seed } from '../lib/hash.ts';
import { type Block, readBlock } from '../store/block/reader.ts';
import { seriesOf } from '../store/block/series.ts';
import type { HintStore, Journal } from '../store/journal.ts';
import type { EventStore } from '../store/store.ts';
import type { Entries } from './entries.ts';
import { type HintHead, headIn, restorePiece } from './hint-pieces.ts';
import type { RequestFilter } from './request-filter.ts';
import type { Window, Windows } from './windows.ts';

const EVENTS_AT_ONCE = 500;

export type HintSource = {
  hints: HintStore;
  seed: Seed;
  journal: Pick<Journal, 'blocks'>;
  /** Everything before this offset is in the store. */
  mark: number;
  events: Pick<EventStore, 'get'>;
};

/** What is filled; empty before, and empty again when nothing was taken over. */
export type Memory = { windows: Windows; entries: Entries; filter: RequestFilter };

export type Restored = {
  head: HintHead;
  /** Claims of the journal before `head.until` that are not in the store. */
  unprojected: number;
  /** Whether the filter has every request id that was used before `head.until`. */
  isFilterComplete: boolean;
};

/** Rejects when journal or store cannot be read. */
export async function restoreHint(source: HintSource, memory: Memory): Promise<Restored | null> {
  const { hints, seed } = source;
  if (!(await hints.seed())?.equals(bytesOfSeed(seed))) return null;
  const pieces = (await hints.read())?.[Symbol.asyncIterator]();
  if (pieces === undefined) return null;
  try {
    const first = await pieces.next();
    const head = first.done ? null : headIn(first.value);
    const unprojected = head === null ? null : await unprojectedBefore(head, source);
    if (head === null || unprojected === null) return null;
    const windows = await openWindows(head, source, memory);
    if (windows === null) return null;
    const indexes = windows.map((window) => window?.index ?? null);
    for (let next = await pieces.next(); !next.done; next = await pieces.next()) {
      restorePiece(next.value, indexes, memory.filter);
    }
    for (const window of windows) if (window !== null) window.isComplete = true;
    const isFilterComplete = head.directCommits !== null && head.directCommits === (await hints.directCommits());
    return { head, unprojected, isFilterComplete };
  } catch (error) {
    // What the filter has too much costs look-ups and is no harm.
    memory.windows.clear();
    memory.entries.clear();
    throw error;
  } finally {
    await pieces.return?.();
  }
}

/** Null when the hint speaks of another log, or of a store that knew more. */
async function unprojectedBefore(head: HintHead, { journal, mark }: HintSource): Promise<number | null> {
  const { last, until, boots } = head;
  if (mark < head.mark) return null;
  const block = await firstBlock(journal, last.at);
  if (block?.offset !== last.at || block.crc !== last.crc || block.offset + block.bytes.length !== until) return null;
  if (mark >= until) return 0;
  const first = await firstBlock(journal, mark);
  if (first === null || first.offset >= until) return 0;
  const at = boots.findIndex(({ origin }) => origin === first.origin);
  if (at < 0) return null;
  return boots.slice(at).reduce((sum, { claims }) => sum + claims, 1 - first.firstAttempt);
}

/** Windows of events that have changed their mode since are left out; null when that cannot be. */
async function openWindows(
  head: HintHead,
  { events, mark }: HintSource,
  { windows, entries }: Memory,
): Promise<(Window | null)[] | null> {
  const revisions = await revisionsOf(events, [...new Set(head.windows.map(({ eventKey }) => eventKey))]);
  const isSame = head.windows.map(({ eventKey, modeRevision }) => revisions.get(eventKey) === modeRevision);
  // Before a mode ends everything is projected.
  if (head.windows.some((window, i) => !isSame[i] && window.head > mark)) return null;
  const opened = head.windows.map((hinted, i) => {
    if (!isSame[i]) return null;
    const window = windows.open(hinted.eventKey, hinted.period);
    window.modeRevision = hinted.modeRevision;
    window.slotGiven = hinted.slotGiven;
    window.head = hinted.head;
    return window;
  });
  for (const { id, window: number, body } of head.series) {
    const window = opened[number] ?? null;
    if (window !== null) entries.restore(id, seriesOf(Buffer.from(body, 'base64')), window);
  }
  return opened;
}

async function revisionsOf(events: Pick<EventStore, 'get'>, eventKeys: string[]): Promise<Map<string, number>> {
  const revisions = new Map<string, number>();
  for (let at = 0; at < eventKeys.length; at += EVENTS_AT_ONCE) {
    for (const event of await events.get(eventKeys.slice(at, at + EVENTS_AT_ONCE))) {
      if (event !== null) revisions.set(event.eventKey, event.modeRevision ?? 0);
    }
  }
  return revisions;
}

/** The first block at or behind an offset; null when there is none. */
async function firstBlock(journal: Pick<Journal, 'blocks'>, from: number): Promise<Block | null> {
  for await (const bytes of journal.blocks(from)) {
    const block = readBlock(bytes, 0);
    if (typeof block === 'string') throw new Error(`the journal gave a block with ${block}`);
    return block;
  }
  return null;
}

/** Hints as a disk would keep them, for tests on virtual time: a write takes time, and each start has its own store. */
import type { Runtime } from '../../../protocol/runtime.ts';
import { bytesOfSeed, type Seed } from '../../lib/hash.ts';
import type { HintStore } from '../../store/journal.ts';

const WRITE_MS = 200;

export type Kept = { seed: Buffer; pieces: Buffer[] };

export type HintShelf = {
  /** Every hint that was written, oldest first. */
  readonly written: Kept[];
  /** What the next start finds; the newest one unless a test says otherwise. */
  found: Kept | null;
  /** Of the tables of the moment. */
  directCommits: () => number | null;
  isFailing: boolean;
  /** How often a start has read to the end what it found. */
  reads: number;
  /** What was written through the one before is over, as when its process has died. */
  open(): HintStore;
};

export function hintShelf(time: () => Pick<Runtime, 'after'>): HintShelf {
  let opened = 0;
  const shelf: HintShelf = {
    ...{ written: [], found: null, directCommits: () => 0, isFailing: false, reads: 0 },
    open() {
      const number = ++opened;
      const pause = () =>
        new Promise<void>((resolve) => {
          time().after(WRITE_MS, () => {
            if (number === opened) resolve();
          });
        });
      return {
        claimsMin: 1,
        seed: async () => shelf.found?.seed ?? null,
        read: async () => (shelf.found === null ? null : piecesOf(shelf, shelf.found)),
        async write(seed, pieces) {
          const kept: Kept = { seed: Buffer.from(seed), pieces: [] };
          for (const piece of pieces) {
            kept.pieces.push(Buffer.from(piece));
            await pause();
            if (shelf.isFailing) throw new Error('the disk is full');
          }
          shelf.written.push(kept);
          shelf.found = kept;
        },
        stop() {},
        directCommits: async () => shelf.directCommits(),
      };
    },
  };
  return shelf;
}

async function* piecesOf(shelf: HintShelf, { pieces }: Kept): AsyncGenerator<Buffer> {
  for (const piece of pieces) {
    // In a buffer of its own, as a file layer reads it.
    const bytes = Buffer.allocUnsafeSlow(piece.length);
    piece.copy(bytes);
    yield bytes;
  }
  shelf.reads++;
}

export function keptWith(kept: Kept, seed: Seed): Kept {
  return { ...kept, seed: bytesOfSeed(seed) };
}

/**
 * Blocks of one segment in order, read in large pieces, each checked against the one before. It says where the blocks
 * end and why; what that means is for its callers to judge.
 */
import { BLOCK_BYTES_MAX } from '../block/layout.ts';
import { type Block, readBlock } from '../block/reader.ts';
import type { OpenFile } from './files.ts';

const CHUNK_BYTES = 2_097_152;

/** What the blocks of one boot must be: each follows the one before. */
export class Chain {
  readonly origin: string;
  /** Of the last block; 0 before the first one. */
  sequence = 0;
  crc = 0;
  /** Behind the last block. */
  end: number;
  #isJoined: boolean;

  /** `from` is where the first block lies. One from `within` has no neighbour to be compared with, and is believed. */
  constructor(origin: string, from: number, start: 'atFirst' | 'within') {
    this.origin = origin;
    this.end = from;
    this.#isJoined = start === 'atFirst';
  }

  /** Why the block at `at` is not the next one; null when it is, and then the next must follow it. */
  add(block: Block, at: number): string | null {
    if (block.offset !== at) return `a block for offset ${block.offset}`;
    if (block.origin !== this.origin) return `a block of ${block.origin}`;
    if (this.#isJoined && block.sequence !== this.sequence + 1) return `block ${block.sequence}`;
    if (this.#isJoined && block.previous !== this.crc) return 'a block that follows another one';
    this.#isJoined = true;
    this.sequence = block.sequence;
    this.crc = block.crc;
    this.end = at + block.bytes.length;
    return null;
  }
}

/** Where the blocks of a segment end. `why` is null at the end that was asked for, or where no more of them fit. */
export type Stop = { at: number; why: string | null };
export type Span = { base: number; from: number; until: number; segmentBytes: number };

/** Yields blocks in batches, whose bytes are valid until the next one is asked for. Offsets are those of the log. */
export async function* scan(
  file: OpenFile,
  { base, from, until, segmentBytes }: Span,
  chain: Chain,
): AsyncGenerator<Block[], Stop> {
  const end = Math.min(until, base + segmentBytes);
  const lastPlace = base + segmentBytes - BLOCK_BYTES_MAX;
  const chunk = Buffer.allocUnsafeSlow(Math.max(0, Math.min(CHUNK_BYTES, end - from)));
  let at = from;
  while (at < end && at <= lastPlace) {
    const wanted = Math.min(chunk.length, end - at);
    const bytes = await file.read(chunk.subarray(0, wanted), at - base);
    if (bytes < wanted) return { at, why: `the end of the file after ${at - base + bytes} bytes` };
    const isLast = at + bytes === end;
    const blocks: Block[] = [];
    let why: string | null = null;
    let passed = 0;
    while (at + passed <= lastPlace && passed < bytes && (isLast || passed + BLOCK_BYTES_MAX <= bytes)) {
      const block = readBlock(chunk.subarray(0, bytes), passed);
      why = typeof block === 'string' ? block : chain.add(block, at + passed);
      if (typeof block === 'string' || why !== null) break;
      blocks.push(block);
      passed += block.bytes.length;
    }
    if (blocks.length > 0) yield blocks;
    at += passed;
    if (why !== null) return { at, why };
  }
  return { at, why: null };
}

const MAGIC_BYTES = Buffer.from('CLJB', 'latin1');

/** A whole block of `origin` anywhere behind `from` whose sequence is at least `sequence`; null when there is none. */
export async function laterBlock(
  file: OpenFile,
  { base, from, segmentBytes }: Omit<Span, 'until'>,
  { origin, sequence }: { origin: string; sequence: number },
): Promise<{ at: number; sequence: number } | null> {
  const end = base + segmentBytes;
  const chunk = Buffer.allocUnsafeSlow(Math.min(CHUNK_BYTES, end - from));
  for (let at = from; at < end; at += CHUNK_BYTES - BLOCK_BYTES_MAX) {
    const bytes = chunk.subarray(0, await file.read(chunk.subarray(0, end - at), at - base));
    for (let found = bytes.indexOf(MAGIC_BYTES); found !== -1; found = bytes.indexOf(MAGIC_BYTES, found + 1)) {
      const block = readBlock(bytes, found);
      if (typeof block === 'string' || block.offset !== at + found || block.origin !== origin) continue;
      if (block.sequence >= sequence) return { at: block.offset, sequence: block.sequence };
    }
  }
  return null;
}

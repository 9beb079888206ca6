/**
 * A disk that loses its power: it keeps what was synced, and of everything else a random part, sector by sector. It fails
 * as Linux does: what a failed write leaves in memory counts as written though it is not on the disk, and each open file
 * is told of a failure once. Of the names that were changed and not synced, some are as they were.
 */
import type { Chance } from '../../../../protocol/testing/random.ts';
import type { Access, FileLayer, OpenFile } from '../files.ts';

const SECTOR_BYTES = 512;
const PAGE_SECTORS = 8;

export type SimulatedDiskOptions = {
  chance: Chance;
  /** Of every write that must be durable, this part fails with EIO. */
  failing?: number;
  /** Files may have so many bytes together; more is ENOSPC. */
  bytesMax?: number;
};

/**
 * What one file's bytes are on the disk and in memory; `dirty` sectors are those a sync has to write. Both are one buffer
 * until something is written.
 */
class Content {
  stored: Buffer;
  cached: Buffer;
  readonly dirty = new Set<number>();
  failures = 0;

  constructor(bytes: Buffer = Buffer.alloc(0)) {
    this.stored = bytes;
    this.cached = bytes;
  }

  put(bytes: Uint8Array, position: number): void {
    const length = Math.max(this.cached.length, position + bytes.length);
    if (this.cached === this.stored || length > this.cached.length) this.cached = longer(this.cached, length);
    this.cached.set(bytes, position);
    const last = Math.floor((position + bytes.length - 1) / SECTOR_BYTES);
    for (let sector = Math.floor(position / SECTOR_BYTES); sector <= last; sector++) this.dirty.add(sector);
  }

  /** Writes the dirty sectors of these, or of all, to the disk; those that `isWritten` denies only seem to be. */
  flush(from: number, until: number, isWritten: (sector: number) => boolean): void {
    for (const sector of this.dirty) {
      if (sector < from || sector >= until) continue;
      const at = sector * SECTOR_BYTES;
      const end = Math.min(at + SECTOR_BYTES, this.cached.length);
      if (end > this.stored.length) this.stored = longer(this.stored, this.#sizeWith(end, until));
      if (isWritten(sector)) this.cached.copy(this.stored, at, at, at + SECTOR_BYTES);
      this.dirty.delete(sector);
    }
  }

  /** A file is as long as what was written to it; growing it once is quicker than sector by sector. */
  #sizeWith(end: number, until: number): number {
    return Math.max(end, Math.min(until * SECTOR_BYTES, this.cached.length));
  }

  /** As it may be after the power was lost. */
  afterLoss(chance: Chance): Content {
    if (this.dirty.size === 0) return new Content(this.stored);
    // Nothing, everything or anything of what was on its way: the extremes are the likely ones.
    const part = chance.pick([0, 1, chance.fraction()]);
    const before = this.stored.length;
    this.flush(0, Number.POSITIVE_INFINITY, () => chance.fraction() < part);
    return new Content(this.stored.subarray(0, chance.pick([before, this.stored.length])));
  }
}

function longer(bytes: Buffer, length: number): Buffer {
  const copy = Buffer.allocUnsafe(length);
  bytes.copy(copy);
  return copy.fill(0, bytes.length);
}

export class PowerLost extends Error {}

type NameChange = (names: Map<string, Content>) => void;

export class SimulatedDisk implements FileLayer {
  /** Resolves when the power goes. */
  readonly lost: Promise<void>;
  readonly #options: SimulatedDiskOptions;
  readonly #names: Map<string, Content>;
  readonly #syncedNames: Map<string, Content>;
  #changes: NameChange[] = [];
  #stepsLeft = Number.POSITIVE_INFINITY;
  #lose: () => void = () => {};
  #isTaken = false;
  /** May be changed at any time. */
  failing: number;
  bytesMax: number;
  /** Writes that failed so far. */
  failures = 0;

  constructor(options: SimulatedDiskOptions, names = new Map<string, Content>()) {
    this.#options = options;
    this.#names = names;
    this.#syncedNames = new Map(names);
    this.failing = options.failing ?? 0;
    this.bytesMax = options.bytesMax ?? Number.POSITIVE_INFINITY;
    this.lost = new Promise((resolve) => {
      this.#lose = resolve;
    });
  }

  get isLost(): boolean {
    return this.#stepsLeft <= 0;
  }

  /** The power goes after so many more steps: each write has two, its beginning and its end. */
  loseAfter(steps: number): void {
    this.#stepsLeft = steps;
  }

  /** The power goes now, if it has not gone yet. Gives the disk as it is found afterwards. */
  afterLoss(options: SimulatedDiskOptions = this.#options): SimulatedDisk {
    this.#stepsLeft = 0;
    const { chance } = this.#options;
    const names = new Map(this.#syncedNames);
    const part = chance.pick([0, 1, chance.fraction()]);
    for (const change of this.#changes) if (chance.fraction() < part) change(names);
    const left = new Map<Content, Content>();
    for (const content of new Set(names.values())) left.set(content, content.afterLoss(chance));
    const found = [...names].map(([path, content]) => [path, left.get(content) as Content] as const);
    return new SimulatedDisk(options, new Map(found));
  }

  /** Every file as a reader sees it. */
  image(): Map<string, Buffer> {
    return new Map([...this.#names].map(([path, { cached }]) => [path, Buffer.from(cached)]));
  }

  /** A disk with these files on it, whose bytes it leaves alone. */
  static of(options: SimulatedDiskOptions, image: ReadonlyMap<string, Buffer>): SimulatedDisk {
    return new SimulatedDisk(
      options,
      new Map([...image].map(([path, bytes]) => [path, new Content(Buffer.from(bytes))])),
    );
  }

  async take() {
    if (this.#isTaken) throw new Error('the folder is in use');
    this.#isTaken = true;
    return {
      release: async () => {
        this.#isTaken = false;
      },
    };
  }

  async list(directory: string): Promise<string[]> {
    const prefix = `${directory}/`;
    return [...this.#names.keys()].filter((path) => path.startsWith(prefix)).map((path) => path.slice(prefix.length));
  }

  async open(path: string, access: Access): Promise<OpenFile> {
    await this.#step();
    if (access === 'made') {
      const content = new Content();
      this.#change((names) => names.set(path, content));
    }
    const content = this.#names.get(path);
    if (content === undefined) throw Object.assign(new Error(`ENOENT: ${path}`), { code: 'ENOENT' });
    return new SimulatedFile(this, content, access);
  }

  async rename(from: string, to: string): Promise<void> {
    await this.#step();
    this.#change((names) => {
      const content = names.get(from);
      if (content === undefined) return;
      names.delete(from);
      names.set(to, content);
    });
    await this.#step();
  }

  async remove(path: string): Promise<void> {
    await this.#step();
    this.#change((names) => names.delete(path));
    await this.#step();
  }

  async syncFolder(): Promise<void> {
    await this.#step();
    for (const change of this.#changes) change(this.#syncedNames);
    this.#changes = [];
    await this.#step();
  }

  /** One step nearer to the loss. After it nothing returns any more. */
  stepNow(): void {
    if (this.#stepsLeft > 0) this.#stepsLeft--;
    if (this.#stepsLeft > 0) return;
    this.#lose();
    throw new PowerLost();
  }

  async pause(): Promise<void> {
    await this.#step();
    const turns = this.#options.chance.integer(4);
    for (let turn = 0; turn < turns; turn++) await new Promise((resolve) => setImmediate(resolve));
    await this.#step();
  }

  demandRoom(bytes: number): void {
    let used = bytes;
    for (const { cached } of new Set(this.#names.values())) used += cached.length;
    if (used > this.bytesMax) throw Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' });
  }

  /** What a write through, or a sync, does at its end. Throws EIO where it fails, or where another one did before. */
  flush(content: Content, from: number, until: number, seen: number): void {
    const { chance } = this.#options;
    const fails = this.failing > 0 && chance.fraction() < this.failing;
    if (fails) {
      content.failures++;
      this.failures++;
    }
    const first = from - (from % PAGE_SECTORS);
    content.flush(
      first,
      until + PAGE_SECTORS - 1 - ((until - 1) % PAGE_SECTORS),
      () => !fails || chance.fraction() < 0.5,
    );
    if (content.failures > seen) throw Object.assign(new Error('EIO: i/o error, write'), { code: 'EIO' });
  }

  async #step(): Promise<void> {
    try {
      this.stepNow();
    } catch {
      await new Promise(() => {});
    }
  }

  #change(change: NameChange): void {
    change(this.#names);
    this.#changes.push(change);
  }
}

class SimulatedFile implements OpenFile {
  readonly #disk: SimulatedDisk;
  readonly #content: Content;
  readonly #isThrough: boolean;
  #failuresSeen: number;

  constructor(disk: SimulatedDisk, content: Content, access: Access) {
    this.#disk = disk;
    this.#content = content;
    this.#isThrough = access === 'through';
    this.#failuresSeen = content.failures;
  }

  async size(): Promise<number> {
    return this.#content.cached.length;
  }

  async read(into: Uint8Array, position: number): Promise<number> {
    const bytes = this.#content.cached.subarray(position, position + into.length);
    into.set(bytes);
    return bytes.length;
  }

  async write(bytes: Uint8Array, position: number): Promise<void> {
    this.#begin(bytes, position);
    await this.#disk.pause();
    this.#end(bytes, position);
  }

  writeNow(bytes: Uint8Array, position: number): void {
    this.#begin(bytes, position);
    this.#disk.stepNow();
    this.#disk.stepNow();
    this.#end(bytes, position);
  }

  async sync(): Promise<void> {
    await this.#disk.pause();
    this.#flush(0, Math.ceil(this.#content.cached.length / SECTOR_BYTES));
  }

  async close(): Promise<void> {}

  #begin(bytes: Uint8Array, position: number): void {
    if (this.#disk.isLost) throw new PowerLost();
    this.#disk.demandRoom(Math.max(0, position + bytes.length - this.#content.cached.length));
    this.#content.put(bytes, position);
  }

  #end(bytes: Uint8Array, position: number): void {
    if (!this.#isThrough || bytes.length === 0) return;
    this.#flush(Math.floor(position / SECTOR_BYTES), Math.floor((position + bytes.length - 1) / SECTOR_BYTES) + 1);
  }

  #flush(from: number, until: number): void {
    const seen = this.#failuresSeen;
    try {
      this.#disk.flush(this.#content, from, until, seen);
    } finally {
      this.#failuresSeen = this.#content.failures;
    }
  }
}

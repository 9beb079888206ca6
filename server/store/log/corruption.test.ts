/** A damaged log gives exactly what was in it, or is refused with a report. Never less, and never anything else. */
import { assert, suite } from '../../../protocol/testing/kit.ts';
import { type Chance, chanceOf } from '../../../protocol/testing/random.ts';
import { virtualTime } from '../../../protocol/testing/virtual-time.ts';
import { placeAfter } from '../block/layout.ts';
import { StoreRefused } from '../store.ts';
import { blocksFrom, JournalWriter } from '../testing/journal-writer.ts';
import type { Log } from './log.ts';
import { openLog } from './open.ts';
import { SimulatedDisk } from './testing/simulated-disk.ts';

const test = suite('log and damaged files');

const SEGMENT_BYTES = 327_680;
const DAMAGES = 1_000;
const SEED = 20_261_123;

type Files = Map<string, Buffer>;
type Kept = { files: Files; blocks: Buffer[] };

function open(disk: SimulatedDisk, boot: string): Promise<Log> {
  const runtime = virtualTime();
  const home = openLog({ directory: 'journal', nodeId: 'n', runtime, files: disk, segmentBytes: SEGMENT_BYTES });
  return home.open(boot);
}

/** Three boots over several segments. The last is closed, or has been idle for long enough to be marked. */
async function keep(end: 'closed' | 'idle'): Promise<Kept> {
  const chance = chanceOf(SEED);
  const disk = new SimulatedDisk({ chance });
  const time = virtualTime(chance);
  const home = openLog({ directory: 'journal', nodeId: 'n', runtime: time, files: disk, segmentBytes: SEGMENT_BYTES });
  const blocks: Buffer[] = [];
  for (const boot of ['b1', 'b2', 'b3']) {
    const log = await home.open(boot);
    const writer = new JournalWriter(log, (offset) => placeAfter(offset, SEGMENT_BYTES));
    for (let i = 0; i < 12; i++) {
      void writer.append(chance.pick([0, 1, 5, 300, 900]));
      while (writer.durable < writer.appended.length) await time.advance(10);
    }
    blocks.push(...writer.appended);
    if (boot === 'b3' && end === 'idle') await time.advance(1_000);
    else await log.close();
  }
  return { files: disk.image(), blocks };
}

type Damage = { name: string; do(files: Files, path: string, chance: Chance): void };

/** Does something to a copy of the file's bytes. */
function changed(files: Files, path: string, change: (bytes: Buffer) => Buffer): void {
  files.set(path, change(Buffer.from(files.get(path) as Buffer)));
}

function rangeIn(bytes: Buffer, chance: Chance): [number, number] {
  const from = chance.integer(bytes.length);
  return [from, Math.min(bytes.length, from + 1 + chance.integer(chance.pick([8, 600, 5_000, bytes.length])))];
}

const KINDS: readonly Damage[] = [
  {
    name: 'a bit flipped',
    do: (files, path, chance) =>
      changed(files, path, (bytes) => {
        const at = chance.integer(chance.pick([bytes.length, 4_200, 100_000]));
        bytes[at % bytes.length] = (bytes[at % bytes.length] as number) ^ (1 << chance.integer(8));
        return bytes;
      }),
  },
  {
    name: 'a range of zeros',
    do: (files, path, chance) => changed(files, path, (bytes) => bytes.fill(0, ...rangeIn(bytes, chance))),
  },
  {
    name: 'a range of noise',
    do: (files, path, chance) =>
      changed(files, path, (bytes) => bytes.fill(chance.bytes(97), ...rangeIn(bytes, chance))),
  },
  {
    name: 'bytes of elsewhere in it',
    do: (files, path, chance) =>
      changed(files, path, (bytes) => {
        const [from, until] = rangeIn(bytes, chance);
        bytes.copyWithin(chance.integer(bytes.length), from, until);
        return bytes;
      }),
  },
  {
    name: 'cut short',
    do: (files, path, chance) => changed(files, path, (bytes) => bytes.subarray(0, chance.integer(bytes.length))),
  },
  { name: 'missing', do: (files, path) => void files.delete(path) },
  {
    name: 'exchanged with another',
    do: (files, path, chance) => {
      const other = chance.pick([...files.keys()]);
      const bytes = files.get(path) as Buffer;
      files.set(path, files.get(other) as Buffer);
      files.set(other, bytes);
    },
  },
];

/** What became of it; throws when blocks are missing or changed. */
async function outcomeOf({ files, blocks }: Kept, damage: Damage, seed: number): Promise<'harmless' | 'refused'> {
  const chance = chanceOf(seed);
  const damaged = new Map(files);
  const path = chance.pick([...files.keys()]);
  damage.do(damaged, path, chance);
  const context = `seed ${seed}: ${path} ${damage.name}`;
  const disk = SimulatedDisk.of({ chance }, damaged);
  try {
    const log = await open(disk, 'next');
    const found = await blocksFrom(log, log.oldest);
    assert.is(found.length, blocks.length, `${context}: blocks`);
    for (const [i, block] of found.entries()) assert.ok(block.equals(blocks[i] as Buffer), `${context}: block ${i}`);
    return 'harmless';
  } catch (error) {
    if (!(error instanceof StoreRefused)) throw error;
    assert.match(error.message, /^the journal( is damaged: journal.*\w| journal .*\w)/, context);
    return 'refused';
  }
}

for (const end of ['closed', 'idle'] as const) {
  test(`${DAMAGES / 2} damages of a log that is ${end} are harmless or refused`, async () => {
    const kept = await keep(end);
    const segments = [...kept.files.keys()].filter((path) => path.endsWith('.log'));
    assert.ok(segments.length > 4, 'several segments');
    const outcomes = { harmless: 0, refused: 0 };
    for (let i = 0; i < DAMAGES / 2; i++) {
      const damage = KINDS[i % KINDS.length] as Damage;
      outcomes[await outcomeOf(kept, damage, SEED + i)]++;
    }
    assert.ok(outcomes.harmless > 50 && outcomes.refused > 50, JSON.stringify(outcomes));
  });
}

/** What the end of a log is: what was on its way is dropped for good, what was answered is never. */
import { assert, rejection, suite } from '../../../protocol/testing/kit.ts';
import { chanceOf } from '../../../protocol/testing/random.ts';
import { virtualTime } from '../../../protocol/testing/virtual-time.ts';
import { SEGMENT_HEAD_BYTES } from '../block/layout.ts';
import { blocksFrom, offsetIn } from '../testing/journal-writer.ts';
import { DIRECTORY, opened, SEGMENT_BYTES } from './testing/opened.ts';
import { SimulatedDisk } from './testing/simulated-disk.ts';
import { readLog } from './walk.ts';

const test = suite('log recovery');

type Files = Map<string, Buffer>;

function pathOf(number: number): string {
  return `${DIRECTORY}/${String(number).padStart(10, '0')}.log`;
}

/** As a killed process leaves the files: all blocks durable, no mark but the one at the beginning. */
async function unmarked(claims: readonly number[]): Promise<{ files: Files; blocks: Buffer[] }> {
  const { disk, writer } = await opened();
  await Promise.all(claims.map((each) => writer.append(each)));
  return { files: disk.image(), blocks: writer.appended };
}

function diskOf(files: Files): SimulatedDisk {
  return SimulatedDisk.of({ chance: chanceOf(2) }, files);
}

function damage(files: Files, block: Buffer): void {
  const file = files.get(pathOf(0)) as Buffer;
  file[offsetIn(block) + 70] = (file[offsetIn(block) + 70] as number) ^ 1;
}

test('a block that is not whole ends the log, and the one that was on its way with it is dropped for good', async () => {
  const { files, blocks } = await unmarked([1, 2, 3, 4, 5]);
  damage(files, blocks[3] as Buffer);
  const disk = diskOf(files);
  const { log } = await opened('b2', { disk });
  const kept = blocks.slice(0, 3);
  assert.equal(await blocksFrom(log, log.oldest), kept);
  await log.close();
  // The dropped block is mended: it must not come back.
  const mended = disk.image();
  damage(mended, blocks[3] as Buffer);
  const next = await opened('b3', { disk: diskOf(mended) });
  assert.equal(await blocksFrom(next.log, next.log.oldest), kept);
});

test('a block that is not whole before others that were written after its answer is refused with a report', async () => {
  const { files, blocks } = await unmarked([1, 2, 3, 4, 5]);
  const third = blocks[2] as Buffer;
  damage(files, third);
  const error = await rejection(opened('b2', { disk: diskOf(files) }));
  assert.is(error.name, 'StoreRefused');
  assert.is(
    error.message,
    `the journal is damaged: ${pathOf(0)} at byte ${offsetIn(third)}: expected block 3 of n.b1, found a wrong checksum, ` +
      `though block 5 at or before offset ${offsetIn(blocks[4] as Buffer)} was written`,
  );
});

test('a last block that is not whole is refused when the mark knows it', async () => {
  const { disk, time, writer } = await opened();
  await Promise.all([writer.append(1), writer.append(1)]);
  await time.advance(60);
  await time.advance(60);
  const files = disk.image();
  damage(files, writer.appended[1] as Buffer);
  const error = await rejection(opened('b2', { disk: diskOf(files) }));
  assert.match(error.message, /expected block 2 of n\.b1, found a wrong checksum, though block 2 .* was written$/);
});

test('two empty segments behind the end tell that the one before them was not', async () => {
  const { disk, append } = await opened();
  for (let i = 0; i < 14; i++) await append(500);
  const files = disk.image();
  const last = [...files.keys()].filter((path) => path.endsWith('.log')).length - 1;
  assert.ok(last >= 2);
  for (let number = last - 1; number <= last; number++) files.get(pathOf(number))?.fill(0, SEGMENT_HEAD_BYTES);
  assert.match((await rejection(opened('b2', { disk: diskOf(files) }))).message, /expected block \d+ of n\.b1/);
});

test('a newer format is refused, of a segment and of the mark', async () => {
  for (const name of [pathOf(0), `${DIRECTORY}/mark`]) {
    const { files } = await unmarked([1]);
    for (const page of [0, 4_096]) (files.get(name) as Buffer)[page + 4] = 2;
    const { message } = await rejection(opened('b2', { disk: diskOf(files) }));
    assert.match(message, /of format 2, which is newer than this program's 1/);
  }
});

test('a segment of another log, another size and a used boot are refused', async () => {
  const { files } = await unmarked([1]);
  const other = new SimulatedDisk({ chance: chanceOf(3) });
  await opened('b1', { disk: other, directory: 'other', runtime: virtualTime(chanceOf(3)) });
  const strange = new Map(files).set(pathOf(0), other.image().get('other/0000000000.log') as Buffer);
  assert.match(
    (await rejection(opened('b2', { disk: diskOf(strange) }))).message,
    /a segment of log [0-9a-f]{32}, not/,
  );
  const sized = opened('b2', { disk: diskOf(files), segmentBytes: SEGMENT_BYTES * 2 });
  assert.match((await rejection(sized)).message, /segments of 327680 bytes, not 655360/);
  assert.match((await rejection(opened('b1', { disk: diskOf(files) }))).message, /has a boot n\.b1 already/);
});

test('either page of the mark may be lost', async () => {
  const { disk, log, append, writer, time } = await opened();
  for (let i = 0; i < 12; i++) await append(400);
  log.release(SEGMENT_BYTES * 2);
  for (let i = 0; i < 10; i++) await time.settle();
  const files = disk.image();
  assert.not(files.has(pathOf(1)));
  for (const page of [0, 4_096]) {
    const damaged = new Map(files);
    const mark = Buffer.from(files.get(`${DIRECTORY}/mark`) as Buffer);
    damaged.set(`${DIRECTORY}/mark`, mark.fill(0xee, page, page + 4_096));
    const next = await opened('b2', { disk: diskOf(damaged) });
    const kept = writer.appended.filter((block) => offsetIn(block) >= SEGMENT_BYTES * 2);
    assert.equal(await blocksFrom(next.log, next.log.oldest), kept);
  }
});

test('a log that is released as a whole still knows where it ended', async () => {
  const { disk, log, append, writer } = await opened();
  for (let i = 0; i < 12; i++) await append(400);
  log.release(SEGMENT_BYTES * 50);
  await log.close();
  const { log: next } = await opened('b2', { disk });
  assert.ok(next.startsAt > writer.head && next.oldest < writer.head);
  assert.equal((await blocksFrom(next, next.oldest)).at(-1), writer.appended.at(-1));
});

test('boots that decide nothing do not make the log grow', async () => {
  const { files, blocks } = await unmarked([1, 2]);
  let disk = diskOf(files);
  for (let i = 0; i < 5; i++) {
    const { log } = await opened(`empty${i}`, { disk });
    assert.is(log.startsAt, SEGMENT_BYTES + SEGMENT_HEAD_BYTES);
    assert.equal(await blocksFrom(log, log.oldest), blocks);
    if (i % 2 === 0) await log.close();
    disk = diskOf(disk.image());
  }
  assert.equal([...disk.image().keys()].filter((path) => path.endsWith('.log')).sort(), [pathOf(0), pathOf(1)]);
});

test('another thread reads what lies between two offsets, across segments and boots', async () => {
  const { disk, log, append, writer } = await opened();
  for (let i = 0; i < 8; i++) await append(400);
  await log.close();
  const second = await opened('b2', { disk });
  for (let i = 0; i < 8; i++) await second.append(400);
  const all = [...writer.appended, ...second.writer.appended];
  const read = async (from: number, until: number) => {
    const found: Buffer[] = [];
    for await (const block of readLog(DIRECTORY, { from, until }, disk)) found.push(block);
    return found;
  };
  const ends = all.map((block) => offsetIn(block) + block.length);
  for (let from = 0; from < all.length; from += 3) {
    for (let until = from; until < all.length; until += 2) {
      const found = await read(offsetIn(all[from] as Buffer), ends[until] as number);
      assert.equal(found, all.slice(from, until + 1), `${from} to ${until}`);
    }
    assert.equal(await read(ends[from] as number, second.log.startsAt), all.slice(from + 1, writer.appended.length));
  }
  assert.is((await rejection(read(0, SEGMENT_BYTES * 40))).name, 'StoreRefused');
  second.log.release(second.log.startsAt);
  await second.log.close();
  assert.match((await rejection(read(0, ends[0] as number))).message, /has no offset 0 any more/);
});

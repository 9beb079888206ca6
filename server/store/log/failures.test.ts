/** A disk that is full or fails: nothing is answered that is not durable, and it goes on when the disk does. */
import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { assert, rejection, suite } from '../../../protocol/testing/kit.ts';
import { chanceOf } from '../../../protocol/testing/random.ts';
import { realRuntime } from '../../lib/runtime.ts';
import { blocksFrom } from '../testing/journal-writer.ts';
import { type FileLayer, realFiles } from './files.ts';
import { type Opened, opened, SEGMENT_BYTES } from './testing/opened.ts';
import { SimulatedDisk } from './testing/simulated-disk.ts';
import { temporaryFolder } from './testing/temporary.ts';

const test = suite('log and disks that fail');

/** Appends until the log says that it is full. */
async function fill({ log, append }: Opened): Promise<void> {
  while (!log.state().isFull) await append(20);
}

/** What was answered is there after the log is opened again. */
async function keeps({ log, disk, writer }: Opened): Promise<void> {
  await log.close();
  const next = await opened('next', { disk });
  const found = await blocksFrom(next.log, next.log.oldest);
  assert.equal(found, writer.appended.slice(0, found.length));
  assert.ok(found.length >= writer.durable);
  await next.log.close();
}

test('a disk that fails answers nobody until it works again', async () => {
  const given = await opened();
  const { disk, log, writer, time, failures } = given;
  disk.failing = 1;
  void writer.append(1);
  void writer.append(300);
  void writer.append(1);
  for (let i = 0; i < 20; i++) await time.advance(1_000);
  assert.is(writer.durable, 0);
  const { isWell, isFull, detail } = log.state();
  assert.equal(
    { isWell, isFull, detail },
    { isWell: false, isFull: false, detail: 'writes fail: EIO: i/o error, write' },
  );
  assert.is(failures.filter((line) => line === detail).length, 1);
  disk.failing = 0;
  for (let i = 0; i < 20; i++) await time.advance(1_000);
  assert.is(writer.durable, 3);
  assert.ok(log.state().isWell && log.state().detail === null);
  await keeps(given);
});

test('closing over a disk that fails ends, with what is left unanswered', async () => {
  const given = await opened();
  given.disk.failing = 1;
  void given.writer.append(1);
  await given.log.close();
  assert.is(given.writer.durable, 0);
  given.disk.failing = 0;
  await keeps(given);
});

test('closing tries once more what has failed', async () => {
  const given = await opened();
  given.disk.failing = 1;
  void given.writer.append(1);
  given.disk.failing = 0;
  await given.log.close();
  assert.is(given.writer.durable, 1);
  await keeps(given);
});

test('a full disk is told before the room ends, and is not for ever', async () => {
  const disk = new SimulatedDisk({ chance: chanceOf(1), bytesMax: SEGMENT_BYTES * 3 + 8_192 });
  const given = await opened('b1', { disk });
  await fill(given);
  assert.match(String(given.log.state().detail), /^no room for another segment: ENOSPC/);
  assert.ok(given.log.state().isWell);
  assert.is(given.log.state().bytes, SEGMENT_BYTES * 3);
  // What was decided before that was known still finds its place.
  await given.append(100);
  disk.bytesMax = SEGMENT_BYTES * 8;
  await given.time.advance(1_000);
  assert.equal(given.log.state(), { isFull: false, isWell: true, detail: null, bytes: SEGMENT_BYTES * 4 });
  await given.append(800);
  await keeps(given);
});

test('a block that has no segment waits for it', async () => {
  const disk = new SimulatedDisk({ chance: chanceOf(1), bytesMax: SEGMENT_BYTES * 2 + 8_192 });
  const given = await opened('b1', { disk });
  await fill(given);
  const before = given.writer.durable;
  for (let i = 0; i < 12; i++) void given.writer.append(700);
  await given.time.advance(5_000);
  assert.ok(given.writer.durable < before + 12);
  disk.bytesMax = Number.POSITIVE_INFINITY;
  for (let i = 0; i < 20; i++) await given.time.advance(500);
  assert.is(given.writer.durable, before + 12);
  await keeps(given);
});

test('small blocks that fill several segments at once wait for each of them', async () => {
  const given = await opened();
  for (let i = 0; i < 200; i++) void given.writer.append(20);
  for (let i = 0; i < 20; i++) await given.time.advance(10);
  assert.is(given.writer.durable, 200);
  assert.ok(given.log.state().bytes > 3 * SEGMENT_BYTES);
  await keeps(given);
});

test('a log of its full size is full until something is released', async () => {
  const given = await opened('b1', { bytesMax: SEGMENT_BYTES * 3 });
  await fill(given);
  assert.match(String(given.log.state().detail), /^the journal has the 983040 bytes that it may have$/);
  given.log.release(SEGMENT_BYTES);
  for (let i = 0; i < 20; i++) await given.time.advance(10);
  assert.equal(given.log.state(), { isFull: false, isWell: true, detail: null, bytes: SEGMENT_BYTES * 3 });
  assert.is(await given.log.read(SEGMENT_BYTES - 8, 8), null);
  await given.log.close();
});

test('in quiet times blocks are written at once, in busy ones aside', async () => {
  const writes: string[] = [];
  const files: FileLayer = {
    ...realFiles,
    async open(path, access) {
      const file = await realFiles.open(path, access);
      return {
        size: () => file.size(),
        read: (into, position) => file.read(into, position),
        write(bytes, position) {
          writes.push('aside');
          return file.write(bytes, position);
        },
        writeNow(bytes, position) {
          writes.push('now');
          file.writeNow(bytes, position);
        },
        sync: () => file.sync(),
        close: () => file.close(),
      };
    },
  };
  const folder = temporaryFolder();
  try {
    const { log, writer } = await opened('b1', { files, directory: join(folder.path, 'journal') });
    writes.length = 0;
    let isAnswered = false;
    void writer.append(5).then(() => (isAnswered = true));
    assert.is(writer.durable, 1);
    await Promise.resolve();
    assert.ok(isAnswered);
    for (const claims of [400, 5, 5]) await writer.append(claims);
    assert.equal(writes, ['now', 'aside', 'aside', 'now']);
    await log.close();
  } finally {
    folder.remove();
  }
});

/** A disk of 1 MB that a test may make larger, or the reason why there is none. */
function smallDisk(path: string): string | null {
  try {
    mkdirSync(path, { recursive: true });
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', path], { stdio: 'ignore' });
    return null;
  } catch {
    return 'no small disk can be mounted here';
  }
}

const probe = temporaryFolder();
const skip = smallDisk(join(probe.path, 'disk'));
if (skip === null) execFileSync('umount', [join(probe.path, 'disk')]);
probe.remove();

test(
  'a real disk that is full',
  async () => {
    const folder = temporaryFolder();
    const disk = join(folder.path, 'disk');
    smallDisk(disk);
    try {
      const runtime = { ...realRuntime, after: (ms: number, run: () => void) => realRuntime.after(ms / 50, run) };
      const options = { files: realFiles, runtime, directory: join(disk, 'journal') };
      const tooLarge = opened('b1', { ...options, directory: join(disk, 'large'), segmentBytes: 2_097_152 });
      const error = await rejection(tooLarge);
      assert.is(error.name, 'StoreUnavailable');
      assert.match(error.message, /^the journal .* cannot be opened: ENOSPC/);
      const { log, writer } = await opened('b1', options);
      // Many times what the disk holds: a log that does not say it is full must fail here, not go on.
      for (let i = 0; i < 100_000 && !log.state().isFull; i++) {
        void writer.append(20);
        await new Promise((resolve) => setImmediate(resolve));
      }
      assert.match(String(log.state().detail), /ENOSPC/);
      const waiting = Promise.all([writer.append(700), writer.append(700), writer.append(700), writer.append(700)]);
      execFileSync('mount', ['-o', 'remount,size=8m', disk]);
      assert.equal(await waiting, Array(4).fill('DURABLE'));
      assert.not(log.state().isFull);
      await log.close();
      const next = await opened('b2', options);
      assert.equal(await blocksFrom(next.log, next.log.oldest), writer.appended);
      await next.log.close();
    } finally {
      execFileSync('umount', [disk]);
      folder.remove();
    }
  },
  { skip },
);

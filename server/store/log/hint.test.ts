/** The file of the hint: what was written is read, or nothing is. */
import { assert, rejection, suite } from '../../../protocol/testing/kit.ts';
import { type Chance, chanceOf } from '../../../protocol/testing/random.ts';
import { virtualTime } from '../../../protocol/testing/virtual-time.ts';
import { HintFile } from './hint.ts';
import { SimulatedDisk } from './testing/simulated-disk.ts';

const test = suite('hint');
const SEED = Buffer.from('89abcdef', 'latin1');
const PATH = 'journal/hint';

/** Rests are over at once. */
const runtime = {
  after(_: number, run: () => void) {
    queueMicrotask(run);
    return () => {};
  },
};

function fileOn(disk: SimulatedDisk): HintFile {
  return new HintFile({ files: disk, directory: 'journal', runtime });
}

function piecesBy(chance: Chance): Buffer[] {
  return Array.from({ length: 1 + chance.integer(4) }, () => Buffer.from(chance.bytes(1 + chance.integer(2_000))));
}

async function read(file: HintFile): Promise<Buffer[] | null> {
  const pieces = await file.read();
  if (pieces === null) return null;
  const found: Buffer[] = [];
  for await (const piece of pieces) found.push(Buffer.from(piece));
  return found;
}

test('what was written last is read, with its seed', async () => {
  const file = fileOn(new SimulatedDisk({ chance: chanceOf(1) }));
  assert.is(await read(file), null);
  assert.is(await file.seed(), null);
  for (const number of [1, 2]) {
    const pieces = piecesBy(chanceOf(number));
    await file.write(SEED, pieces);
    assert.equal(await read(file), pieces);
    assert.equal(await file.seed(), SEED);
  }
});

test('a hint of which any byte is another is not read, nor one that is cut short or goes on', async () => {
  const chance = chanceOf(7);
  const disk = new SimulatedDisk({ chance });
  await fileOn(disk).write(SEED, [Buffer.from(chance.bytes(90)), Buffer.from(chance.bytes(30))]);
  const whole = disk.image().get(PATH) as Buffer;
  const readOf = (bytes: Buffer) => read(fileOn(SimulatedDisk.of({ chance }, new Map([[PATH, bytes]]))));
  assert.is((await readOf(whole))?.length, 2);
  for (let at = 0; at < whole.length; at++) {
    const damaged = Buffer.from(whole);
    damaged[at] = (damaged[at] as number) ^ (1 << chance.integer(8));
    assert.is(await readOf(damaged), null, `byte ${at}`);
    assert.is(await readOf(whole.subarray(0, at)), null, `${at} bytes`);
  }
  assert.is(await readOf(Buffer.concat([whole, Buffer.alloc(8)])), null);
});

test('pieces that change places are not read', async () => {
  const chance = chanceOf(3);
  const disk = new SimulatedDisk({ chance });
  await fileOn(disk).write(
    SEED,
    [1, 2, 3].map((fill) => Buffer.alloc(40, fill)),
  );
  const bytes = disk.image().get(PATH) as Buffer;
  const [first, second] = [Buffer.from(bytes.subarray(20, 68)), Buffer.from(bytes.subarray(68, 116))];
  bytes.set(second, 20);
  bytes.set(first, 68);
  assert.is(await read(fileOn(SimulatedDisk.of({ chance }, new Map([[PATH, bytes]])))), null);
});

for (const seed of [1, 2, 3]) {
  test(`after a power loss it is one of those that were written, or none: seed ${seed}`, async () => {
    const chance = chanceOf(seed);
    let taken = 0;
    for (let round = 0; round < 60; round++) {
      const disk = new SimulatedDisk({ chance });
      const written: Buffer[][] = [piecesBy(chance)];
      await fileOn(disk).write(SEED, written[0] as Buffer[]);
      disk.loseAfter(chance.integer(40));
      const more = piecesBy(chance);
      written.push(more);
      await Promise.race([
        fileOn(disk)
          .write(SEED, more)
          .catch(() => {}),
        disk.lost,
      ]);
      const found = await read(fileOn(disk.afterLoss({ chance })));
      if (found === null) continue;
      taken++;
      assert.ok(written.some((pieces) => Buffer.concat(pieces).equals(Buffer.concat(found))));
    }
    assert.ok(taken > 10, `${taken}`);
  });
}

test('when it cannot be written the last one stays, and what there was of the new one is given back', async () => {
  const disk = new SimulatedDisk({ chance: chanceOf(5) });
  const file = fileOn(disk);
  const pieces = piecesBy(chanceOf(5));
  await file.write(SEED, pieces);
  disk.bytesMax = 10_000;
  await rejection(file.write(SEED, [Buffer.alloc(4_000), Buffer.alloc(20_000)]));
  await rejection(
    file.write(
      SEED,
      (function* () {
        yield Buffer.alloc(10);
        throw new Error('given up');
      })(),
    ),
  );
  assert.equal(await read(file), pieces);
  assert.equal([...disk.image().keys()], [PATH]);
});

test('who stops does not wait for a rest', async () => {
  const time = virtualTime();
  const disk = new SimulatedDisk({ chance: chanceOf(1) });
  const file = new HintFile({ files: disk, directory: 'journal', runtime: time });
  let asked = 0;
  const written = file.write(
    SEED,
    (function* () {
      for (;;) {
        asked++;
        if (asked === 3) throw new Error('stopped');
        yield Buffer.alloc(8);
      }
    })(),
  );
  await time.settle();
  file.stop();
  assert.is((await rejection(written)).message, 'stopped');
});

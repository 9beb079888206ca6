/** Nothing that was answered is lost with the power, whenever it goes: in a write, between two, while opening. */
import { assert, suite } from '../../../protocol/testing/kit.ts';
import { type Chance, chanceOf } from '../../../protocol/testing/random.ts';
import { type VirtualTime, virtualTime } from '../../../protocol/testing/virtual-time.ts';
import { StoreUnavailable } from '../store.ts';
import { type JournalWriter, offsetIn } from '../testing/journal-writer.ts';
import type { Log } from './log.ts';
import { openLog } from './open.ts';
import { History } from './testing/history.ts';
import { SimulatedDisk } from './testing/simulated-disk.ts';

const test = suite('log and the loss of power');

const SEGMENT_BYTES = 327_680;
const DISKS = 100;
const LOSSES = 20;
/** Every so many disks fail, and then this part of their durable writes. */
const FAILING_EACH = 4;
const FAILING = 0.15;
const SEED = 20_261_122;

type Tally = { losses: number; inOpening: number; answered: number; found: number; failures: number };

type Life = { disk: SimulatedDisk; chance: Chance; time: VirtualTime; history: History };

/** Appends until the power goes, in turns of a few blocks of any size. */
async function work(log: Log, writer: JournalWriter, { disk, chance, time, history }: Life): Promise<void> {
  while (!disk.isLost) {
    const sizes = Array.from({ length: chance.pick([1, 1, 2, 3, 6]) }, () => chance.pick([0, 1, 3, 20, 60, 400]));
    let waiting = sizes.length;
    for (const claims of sizes) {
      void writer.append(claims, { userId: 'u'.repeat(1 + chance.integer(128)) }).then(() => waiting--);
    }
    const leaves = chance.pick([0, 0, 0, 0, sizes.length]);
    while (waiting > leaves && !disk.isLost) await time.advance(chance.pick([0, 1, 60]));
    if (chance.fraction() < 0.1) await time.advance(60);
    const durable = writer.appended[writer.durable - 1];
    if (durable !== undefined && chance.fraction() < 0.3) {
      history.released(offsetIn(durable));
      log.release(offsetIn(durable));
    }
  }
}

/** One boot, until the power goes. False when it went, or a write failed, before the log was open. */
async function live(boot: string, life: Life, context: string): Promise<boolean> {
  const { disk, time, history } = life;
  const home = openLog({ directory: 'journal', nodeId: 'n', runtime: time, files: disk, segmentBytes: SEGMENT_BYTES });
  let isOpen = false;
  const opened = home.open(boot).catch((error) => {
    if (error instanceof StoreUnavailable) return null;
    throw error;
  });
  const lived = opened.then(async (log) => {
    if (log === null) return;
    isOpen = true;
    await work(log, await history.opened(log, context), life);
  });
  await Promise.race([lived, disk.lost]);
  return isOpen;
}

/** Of every durable write, the part `failing` fails. */
async function lives(seed: number, failing: number, tally: Tally): Promise<void> {
  const chance = chanceOf(seed);
  const history = new History(SEGMENT_BYTES);
  let disk = new SimulatedDisk({ chance, failing: 0 });
  for (let loss = 0; loss < LOSSES; loss++) {
    disk.loseAfter(1 + chance.integer(chance.pick([40, 120])));
    disk.failing = failing;
    const life = { disk, chance, history, time: virtualTime(chance) };
    const wasOpen = await live(`b${loss}`, life, `seed ${seed}, loss ${loss}`);
    tally.losses++;
    if (!wasOpen) tally.inOpening++;
    tally.failures += disk.failures;
    disk = disk.afterLoss();
  }
  disk.failing = 0;
  const time = virtualTime(chance);
  const home = openLog({ directory: 'journal', nodeId: 'n', runtime: time, files: disk, segmentBytes: SEGMENT_BYTES });
  await history.opened(await home.open('last'), `seed ${seed}, at the end`);
  tally.answered += history.answered;
  tally.found += history.found;
}

test(
  '2,000 losses of power, on good disks and on failing ones, lose no block that was answered',
  async () => {
    const tally: Tally = { losses: 0, inOpening: 0, answered: 0, found: 0, failures: 0 };
    for (let i = 0; i < DISKS; i++) await lives(SEED + i, i % FAILING_EACH === 0 ? FAILING : 0, tally);
    assert.is(tally.losses, DISKS * LOSSES);
    // What was on its way may be there all the same. The test means something only when all of this happens.
    const { answered, found, inOpening, failures } = tally;
    assert.ok(found > answered && inOpening > 300 && answered > 5_000 && failures > 300, JSON.stringify(tally));
  },
  { deadlineMs: 60_000 },
);

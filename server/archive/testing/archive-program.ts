/**
 * Run by a test that kills it: `archive-program FOLDER TO BEFORE` archives what ended by BEFORE out of the embedded store in
 * FOLDER, without a server. It says a dot for each step, and at the end `done` and how many claims it has removed. Its waits are short.
 */
import { writeSync } from 'node:fs';
import { join } from 'node:path';
import { EventConfigs } from '../../events/configs.ts';
import { Events } from '../../events/events.ts';
import { createClock } from '../../lib/clock.ts';
import { realRuntime } from '../../lib/runtime.ts';
import { openLmdbStore } from '../../store/lmdb/open.ts';
import { archive } from '../archiving.ts';
import { Folder } from '../folder.ts';

const HASTE = 50;
const [, , directory = '', to = '', before = ''] = process.argv;
const runtime = { ...realRuntime, after: (ms: number, run: () => void) => realRuntime.after(ms / HASTE, run) };
const store = await openLmdbStore({ directory, runtime });
const clock = await createClock({ runtime, storeTimeMs: () => store.timeMs() });
const configs = new EventConfigs(store.events, runtime);
const parts = {
  ...{ claims: store.claims, archive: store.archive, clusterId: store.clusterId, nowMs: clock.nowMs },
  events: new Events({ store, configs, clock, runtime }),
  list: store.events.list.bind(store.events),
  folder: await Folder.open(join(directory, to)),
  projected: async () => {},
  marked: async () => {},
  sealing: async () => {},
};
// The timers of a runtime keep no process alive.
const alive = setInterval(() => {}, 1_000);
let removed = 0;
for await (const step of archive(parts, Number(before))) {
  removed += step.removed;
  writeSync(1, '.');
}
clearInterval(alive);
clock.stop();
await store.close();
writeSync(1, `done ${removed}`);

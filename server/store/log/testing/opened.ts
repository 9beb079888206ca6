/** A log over a simulated disk on virtual time, with segments small enough to fill. */
import { chanceOf } from '../../../../protocol/testing/random.ts';
import { type VirtualTime, virtualTime } from '../../../../protocol/testing/virtual-time.ts';
import { placeAfter } from '../../block/layout.ts';
import { JournalWriter } from '../../testing/journal-writer.ts';
import type { Log } from '../log.ts';
import { type LogOptions, openLog } from '../open.ts';
import { SimulatedDisk } from './simulated-disk.ts';

/** One block of the largest size may begin in the last fifth of it at most. */
export const SEGMENT_BYTES = 327_680;
export const DIRECTORY = 'journal';

export type Opened = {
  disk: SimulatedDisk;
  time: VirtualTime;
  log: Log;
  writer: JournalWriter;
  failures: string[];
  /** Appends and lets time go by until it is durable. */
  append(claims: number): Promise<void>;
};

export async function opened(
  boot = 'b1',
  { disk = new SimulatedDisk({ chance: chanceOf(1) }), ...rest }: { disk?: SimulatedDisk } & Partial<LogOptions> = {},
): Promise<Opened> {
  const time = virtualTime();
  const failures: string[] = [];
  const onFailure = (line: string) => void failures.push(line);
  const given = { directory: DIRECTORY, nodeId: 'n', runtime: time, files: disk, segmentBytes: SEGMENT_BYTES };
  const log = await openLog({ ...given, onFailure, ...rest }).open(boot);
  const writer = new JournalWriter(log, (offset) => placeAfter(offset, SEGMENT_BYTES));
  return {
    ...{ disk, time, log, writer, failures },
    async append(claims) {
      const until = writer.appended.length + 1;
      void writer.append(claims);
      while (writer.durable < until) await time.advance(1);
    },
  };
}

/**
 * When requests go out. Closed: as soon as a slot is free, which finds the peak but hides stalls, since a stalled server is
 * asked less. Open: by the clock, so that a stall costs every request that was due in it (coordinated omission).
 */
import type { Lane } from './lane.ts';

export type Paced = {
  lanes: readonly Lane[];
  /** Takes the number of the next request's first claim; null when there is none any more. */
  next(): number | null;
  startMs: number;
  endMs: number;
};

export type Pacing = {
  start(): void;
  onRoom(lane: Lane, nowMs: number): void;
  /** True when nothing more is to be sent, though answers may be missing. */
  isDone(): boolean;
};

export function closedLoop({ lanes, next, endMs }: Paced): Pacing {
  function fill(lane: Lane, nowMs: number): void {
    while (nowMs < endMs && lane.hasRoom) {
      const index = next();
      if (index === null) break;
      lane.add(index, nowMs);
    }
    lane.flush();
  }
  return {
    start() {
      for (const lane of lanes) fill(lane, performance.now());
    },
    onRoom: fill,
    isDone: () => performance.now() >= endMs || next() === null,
  };
}

/**
 * What is due within it goes out together, as from a caller whose own loop turns; each of its requests waits for that, and
 * its latency says so. Without it every request would be a packet, which no pair of connections at their peak has.
 */
const GRAIN_MS = 0.5;

/** A short sleep between two looks leaves the core to whoever answers. A timer's grain of a millisecond would be part of every latency. */
const NAP_MS = 0.2;
const bed = new Int32Array(new SharedArrayBuffer(4));

/** Sends by the clock. */
export function openLoop({ lanes, next, startMs, endMs }: Paced, everyMs: number): Pacing {
  let dueMs = startMs;
  let sent = 0;
  let sendAtMs = 0;
  let turn = 0;
  function look(): void {
    const nowMs = performance.now();
    if (nowMs >= sendAtMs) sendDue(nowMs);
    else Atomics.wait(bed, 0, 0, NAP_MS);
    // A claim that was due and found no room still goes out, late, and its latency says so.
    if (dueMs < endMs) setImmediate(look);
  }
  function sendDue(nowMs: number): void {
    sendAtMs = nowMs + GRAIN_MS;
    while (dueMs <= nowMs && dueMs < endMs) {
      const lane = laneWithRoom();
      const index = lane === null ? null : next();
      if (lane === null || index === null) break;
      lane.add(index, dueMs);
      dueMs = startMs + ++sent * everyMs;
    }
    for (const lane of lanes) lane.flush();
  }
  function laneWithRoom(): Lane | null {
    for (let tried = 0; tried < lanes.length; tried++) {
      const lane = lanes[turn++ % lanes.length];
      if (lane?.hasRoom) return lane;
    }
    return null;
  }
  return {
    start: look,
    onRoom() {},
    isDone: () => dueMs >= endMs || next() === null,
  };
}

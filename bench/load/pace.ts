/**
 * When requests go out. Closed: as soon as a slot is free, which finds the peak but hides stalls, since a stalled server is
 * asked less. Open: by the clock, so that a stall costs every request that was due in it (coordinated omission).
 */
import type { Lane } from './lane.ts';

export type Paced = {
  lanes: readonly Lane[];
  /** Takes the number of the next request; null when there is none any more. */
  next(): number | null;
  endMs: number;
};

export type Pacing = { start(): void; onRoom(lane: Lane): void };

export function closedLoop({ lanes, next, endMs }: Paced): Pacing {
  function fill(lane: Lane): void {
    const nowMs = performance.now();
    while (nowMs < endMs && lane.hasRoom) {
      const index = next();
      if (index === null) break;
      lane.add(index, nowMs);
    }
    lane.flush();
  }
  return { start: () => lanes.forEach(fill), onRoom: fill };
}

/** It spins, because a timer's grain of a millisecond would be part of every latency; it has a core of its own. */
export function openLoop({ lanes, next, endMs }: Paced, ratePerS: number): Pacing {
  const everyMs = 1_000 / ratePerS;
  let dueMs = 0;
  let turn = 0;
  function spin(): void {
    const nowMs = performance.now();
    const touched = new Set<Lane>();
    while (dueMs <= nowMs && dueMs < endMs) {
      const lane = laneWithRoom();
      const index = lane === null ? null : next();
      if (lane === null || index === null) break;
      lane.add(index, dueMs);
      touched.add(lane);
      dueMs += everyMs;
    }
    for (const lane of touched) lane.flush();
    // A request that was due and found no room still goes out, late, and its latency says so.
    if (dueMs < endMs) setImmediate(spin);
  }
  function laneWithRoom(): Lane | null {
    for (let tried = 0; tried < lanes.length; tried++) {
      const lane = lanes[turn++ % lanes.length];
      if (lane?.hasRoom) return lane;
    }
    return null;
  }
  return {
    start() {
      dueMs = performance.now();
      spin();
    },
    onRoom() {},
  };
}

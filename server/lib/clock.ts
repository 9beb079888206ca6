/**
 * The one Time module: what o'clock it is for rules, claims and windows. The store's time is read at start and then
 * carried by the monotonic clock, so that servers of one store agree and a jump of this machine's wall clock changes
 * nothing. It is read again each minute and approached gradually. Invariant: `nowMs` never goes back.
 */
import type { Runtime } from '../../protocol/runtime.ts';

const REFRESH_MS = 60_000;
const RETRY_MS = 5_000;
/** The error of a reading is up to half its round trip; a slower one would make the clock worse. */
const ROUND_TRIP_MS_MAX = 250;
const START_READINGS_MAX = 3;
/** Of the time that passes: 100 ms of error are gone after a second, and the clock always moves forward. */
const SLEW = 0.1;

export type Clock = {
  /** Milliseconds since 1970-01-01 UTC by the store's clock: an integer that never goes back. */
  nowMs(): number;
  /** This clock minus the machine's wall clock, in milliseconds; over 500 either way is worth a warning. */
  skewMs(): number;
  stop(): void;
};

type Reading = { offsetMs: number; roundTripMs: number };

/** Rejects as `storeTimeMs` does when the first reading fails; later failures keep the clock going as it is. */
export async function createClock({
  runtime,
  storeTimeMs,
}: {
  runtime: Runtime;
  storeTimeMs: () => Promise<number>;
}): Promise<Clock> {
  let { offsetMs } = await firstReading(runtime, storeTimeMs);
  let targetMs = offsetMs;
  let slewedAt = runtime.monotonicMs();
  let latestMs = 0;
  let isStopped = false;

  function nowMs(): number {
    const now = runtime.monotonicMs();
    const stepMax = (now - slewedAt) * SLEW;
    slewedAt = now;
    offsetMs += Math.max(-stepMax, Math.min(stepMax, targetMs - offsetMs));
    // Two floating sums may differ in the last bit; the promise must not.
    latestMs = Math.max(latestMs, Math.floor(now + offsetMs));
    return latestMs;
  }

  async function refresh(): Promise<void> {
    const reading = await readOffset(runtime, storeTimeMs).catch(() => null);
    if (isStopped) return;
    const isGood = reading !== null && reading.roundTripMs <= ROUND_TRIP_MS_MAX;
    nowMs();
    if (isGood) targetMs = reading.offsetMs;
    cancel = runtime.after(isGood ? REFRESH_MS : RETRY_MS, refresh);
  }
  let cancel = runtime.after(REFRESH_MS, refresh);

  return {
    nowMs,
    skewMs: () => Math.round(nowMs() - runtime.wallMs()),
    stop() {
      isStopped = true;
      cancel();
    },
  };
}

/** The store answered somewhere within the round trip: its middle is the best guess. */
async function readOffset(runtime: Runtime, storeTimeMs: () => Promise<number>): Promise<Reading> {
  const sentAt = runtime.monotonicMs();
  const storeMs = await storeTimeMs();
  const roundTripMs = runtime.monotonicMs() - sentAt;
  return { offsetMs: storeMs - sentAt - roundTripMs / 2, roundTripMs };
}

/** A cold connection answers late once; the quickest of a few readings is taken. */
async function firstReading(runtime: Runtime, storeTimeMs: () => Promise<number>): Promise<Reading> {
  let best = await readOffset(runtime, storeTimeMs);
  for (let i = 1; i < START_READINGS_MAX && best.roundTripMs > ROUND_TRIP_MS_MAX; i++) {
    const reading = await readOffset(runtime, storeTimeMs);
    if (reading.roundTripMs < best.roundTripMs) best = reading;
  }
  return best;
}

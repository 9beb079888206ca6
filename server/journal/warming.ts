/**
 * Fills a node's memory from the store, in pages and without hurry: which users have claimed in a window, and which
 * request ids have been used. Until it is done claims are looked up one batch at a time, which is slower and as right.
 */
import type { Runtime } from '../../protocol/runtime.ts';
import type { KeyHash } from '../lib/hash.ts';
import type { ClaimStore } from '../store/store.ts';
import { IN_STORE, type Window } from './windows.ts';

const PAGE_LENGTH = 2_000;
const RETRY_MS = 500;

type Warming = {
  claims: Pick<ClaimStore, 'usersOf' | 'requests' | 'highestSlot'>;
  runtime: Runtime;
  /** False once nobody needs it any more. */
  isAlive: () => boolean;
};

/** Ends when the window is complete or of no more use. Never rejects. */
export async function warmed(window: Window, hash: KeyHash, { claims, runtime, isAlive }: Warming): Promise<void> {
  const { eventKey, period, index } = window;
  const highest = await untilDone(runtime, isAlive, () => claims.highestSlot(eventKey, period));
  if (highest === null) return;
  window.slotGiven = Math.max(window.slotGiven ?? 0, highest);
  const isWanted = () => isAlive() && !window.isEvicted;
  for (let after: string | undefined; ; ) {
    const page = { limit: PAGE_LENGTH, ...(after === undefined ? {} : { after }) };
    const found = await untilDone(runtime, isWanted, () => claims.usersOf(eventKey, period, page));
    if (found === null) return;
    for (const userId of found) {
      hash.ofText(userId);
      index.add(hash.high, hash.low, IN_STORE);
    }
    if (found.length < PAGE_LENGTH) break;
    after = found.at(-1);
    await soon(runtime);
  }
  window.isComplete = !window.isEvicted;
}

/** True when every request id of the store has been handed to `remember`. Never rejects. */
export async function warmFilter(
  warming: Warming & { remember: (userId: string, requestId: string) => void },
): Promise<boolean> {
  const { claims, runtime, isAlive, remember } = warming;
  for (let after: string | undefined; ; ) {
    const page = { limit: PAGE_LENGTH, ...(after === undefined ? {} : { after }) };
    const found = await untilDone(runtime, isAlive, () => claims.requests(page));
    if (found === null) return false;
    for (const { userId, requestId } of found.items) remember(userId, requestId);
    if (found.next === null) return true;
    after = found.next;
    await soon(runtime);
  }
}

async function untilDone<T>(runtime: Runtime, isAlive: () => boolean, ask: () => Promise<T>): Promise<T | null> {
  while (isAlive()) {
    const answer = await ask().then(
      (value) => ({ value }),
      () => null,
    );
    if (answer !== null) return isAlive() ? answer.value : null;
    await new Promise<void>((resolve) => runtime.after(RETRY_MS, resolve));
  }
  return null;
}

function soon(runtime: Runtime): Promise<void> {
  return new Promise((resolve) => runtime.soon(resolve));
}

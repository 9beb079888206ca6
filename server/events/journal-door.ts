/** What events need of whoever writes the journal. A store without a journal has no such door. */
import type { Problem } from '../../protocol/reply.ts';

export type JournalDoor = {
  /** Why the journal is not written by this node: MOVED with the address of the one that does, or BUSY. Null when it is. */
  away(): Problem | null;
  /**
   * Resolves when every claim that was decided before the call, those on their way into the log included, is among the
   * store's claims. When this node stops being the writer it may resolve sooner; `away` then says so. Rejects with
   * StoreUnavailable.
   */
  project(): Promise<void>;
};

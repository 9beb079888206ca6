/**
 * The promises of `store.ts` as tests that each implementation runs against itself: `contractSuite('lmdb', open)` in a
 * test file of its own. Each test opens a store of its own that must be empty, and closes it. No test sleeps, and none
 * knows which store it talks to. What only one store can do wrong (syncs, error classes) is tested beside that store.
 */
import { suite } from '../../protocol/testing/kit.ts';
import type { Store } from './store.ts';
import { auditContract } from './testing/accounts-audit.ts';
import { userListContract } from './testing/accounts-lists.ts';
import { revocationContract } from './testing/accounts-revocations.ts';
import { roleContract } from './testing/accounts-roles.ts';
import { sessionContract } from './testing/accounts-sessions.ts';
import { userContract } from './testing/accounts-users.ts';
import { accountContract } from './testing/accounts-whole.ts';
import { archiveContract } from './testing/archive.ts';
import { claimReads } from './testing/claim-reads.ts';
import { claimScans } from './testing/claim-scans.ts';
import { claimWrites } from './testing/claim-writes.ts';
import { eventContract } from './testing/events.ts';
import { createDraft, type Test } from './testing/fixtures.ts';
import { listContract } from './testing/lists.ts';
import { qualificationContract } from './testing/qualifications.ts';
import { stockContract } from './testing/stock.ts';
import { storeContract } from './testing/whole.ts';

export type Opened = {
  store: Store;
  /** A second handle to the same data, as another server has it; left out where only one process may open a store. */
  second?(): Promise<Store>;
  /** Closes every handle and opens the same data again; left out where the data cannot outlive a handle. */
  reopen?(): Promise<Store>;
  /** Closes every handle that was given out and removes the data. */
  close(): Promise<void>;
};

/** Registers the contract under `name`. `skip` is the reason why the store cannot be had here. */
export function contractSuite(
  name: string,
  open: () => Promise<Opened>,
  { skip = null }: { skip?: string | null } = {},
): void {
  const register = suite(`store contract: ${name}`);
  const test: Test = (title, body) =>
    register(
      `${name}: ${title}`,
      async () => {
        const opened = await open();
        try {
          const { store, second, reopen } = opened;
          const other = second === undefined ? store : await second.call(opened);
          await body({ store, other, draft: createDraft(), reopen: reopen?.bind(opened) ?? null });
        } finally {
          await opened.close();
        }
      },
      { skip },
    );
  for (const register of [
    claimWrites,
    stockContract,
    claimReads,
    claimScans,
    listContract,
    archiveContract,
    eventContract,
    qualificationContract,
    storeContract,
    userContract,
    userListContract,
    roleContract,
    sessionContract,
    revocationContract,
    auditContract,
    accountContract,
  ]) {
    register(test);
  }
}

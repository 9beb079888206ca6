/** What must be true of the journal once all is quiet: its projection ends, and meets no claim that was not there before. */
import type { Client } from '../../../clients/index.ts';
import { backlogAfter, sumOf } from '../../processes/backlog.ts';
import type { Findings } from '../findings.ts';

/** With a client for each server. Broken promises are expected only where they were planted. */
export async function projected(
  clients: readonly Client[],
  findings: Findings,
  { conflicts = 0 }: { conflicts?: number } = {},
): Promise<void> {
  const backlog = await backlogAfter(clients);
  findings.expect(backlog === 0, `the projection does not end: ${backlog} claims are not in the store`);
  const found = await sumOf(clients, 'claimd_journal_conflicts');
  findings.expect(found === conflicts, `the projection met ${found} conflicts instead of ${conflicts}`);
}

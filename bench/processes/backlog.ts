/** Waiting for granted claims to reach the store, where operators' lists read them. In mode `direct` they are there at once. */
import { setTimeout as delay } from 'node:timers/promises';
import type { Client } from '../../clients/index.ts';
import { gaugeOf } from './gauges.ts';

const LOOK_EVERY_MS = 20;

/**
 * Resolves with how many claims are still not in the store: 0, or more after `timeMsMax`. Takes a client for each server
 * that may have a journal; nothing may be claimed meanwhile.
 */
export async function backlogAfter(clients: readonly Client[], timeMsMax = 60_000): Promise<number> {
  const endMs = performance.now() + timeMsMax;
  for (;;) {
    const backlog = await sumOf(clients, 'claimd_journal_backlog_claims');
    if (backlog === 0 || performance.now() > endMs) return backlog;
    await delay(LOOK_EVERY_MS);
  }
}

/** Over all of these servers. */
export async function sumOf(clients: readonly Client[], name: string): Promise<number> {
  const values = await Promise.all(clients.map((client) => gaugeOf(client, name)));
  return values.reduce<number>((sum, value) => sum + (value ?? 0), 0);
}

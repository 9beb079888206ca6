/** Events that are over, with their claims in the store, as servers left them that are long gone; and archives read back. */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { claimKeyOf } from '../../../protocol/key.ts';
import { eventRecord } from '../../shard/testing/bench.ts';
import type { ClaimDraft, ClaimPlace, ClaimRecord, EventRecord, Store } from '../../store/store.ts';
import { claimOfLine } from '../claim-line.ts';
import { fileOf } from '../folder.ts';
import { type Manifest, manifestOf } from '../manifest.ts';

export const DAY_MS = 86_400_000;
const ORIGIN = 'old.b0';
/** Few enough for one insert of any store. */
const INSERT_LENGTH = 500;

/** Midnight in UTC, so many days ago, and the id of the day that begins then. */
export function dayBefore(days: number): { startsAt: number; id: string } {
  const startsAt = Math.floor(Date.now() / DAY_MS - days) * DAY_MS;
  return { startsAt, id: new Date(startsAt).toISOString().slice(0, 10).replaceAll('-', '') };
}

export async function createEvent(store: Store, fields: Partial<EventRecord>): Promise<EventRecord> {
  const event = eventRecord({ startsAt: dayBefore(60).startsAt, rewards: [], ...fields });
  if (!(await store.events.create(event))) throw new Error(`${event.eventKey} is there`);
  return event;
}

export type Old = {
  event: EventRecord;
  period: string;
  grantedAt: number;
  users: readonly string[];
  delivery?: ClaimRecord['delivery'];
};

/** Puts a claim of each user into the store; each has a request id and an attempt of its own. */
export async function putOldClaims(store: Store, old: Old): Promise<ClaimRecord[]> {
  await store.boots.note(ORIGIN);
  const { eventKey, stock, splitBy = 'none', store: name = 'main' } = old.event;
  const place: ClaimPlace = { splitBy, store: name };
  const drafts = old.users.map((userId, i) => draftOf(old, userId, i));
  const made: ClaimRecord[] = [];
  const length = Math.min(INSERT_LENGTH, store.claims.insertMax);
  for (let i = 0; i < drafts.length; i += length) {
    const some = drafts.slice(i, i + length).map((draft) => ({ ...draft, place }));
    const outcomes =
      stock === null ? await store.claims.insert(some) : await store.claims.insertStock(some, stock ?? 0);
    for (const outcome of outcomes) {
      if (outcome.kind !== 'inserted') throw new Error(`${eventKey}: ${outcome.kind}`);
      made.push(outcome.claim);
    }
  }
  return made;
}

let attempts = 0;

function draftOf({ event, period, grantedAt, delivery }: Old, userId: string, i: number): ClaimDraft {
  const { eventKey, rewards } = event;
  return {
    ...{ claimKey: claimKeyOf(eventKey, period, userId), eventKey, period, userId },
    ...{ requestId: `${eventKey}.${period}.${userId}`, grantedAt: grantedAt + i, configVersion: 1, rewards },
    delivery: delivery ?? { state: 'PENDING', attempts: 0, fulfilledAt: null },
    attempt: `${ORIGIN}.${++attempts}`,
  };
}

export function usersNamed(prefix: string, count: number): string[] {
  return Array.from({ length: count }, (_, i) => `${prefix}${i}`);
}

/** Every claim of the sealed files of a folder, each file judged by its manifest. Throws for one that is not as it says. */
export function archivedIn(directory: string): { claims: ClaimRecord[]; manifests: Manifest[] } {
  const claims: ClaimRecord[] = [];
  const manifests: Manifest[] = [];
  for (const name of readdirSync(directory).filter((file) => file.endsWith('.manifest.json'))) {
    const manifest = manifestOf(readFileSync(join(directory, name), 'utf8'), name);
    const bytes = readFileSync(join(directory, fileOf(name.slice(0, -'.manifest.json'.length))));
    const lines = gunzipSync(bytes).toString('utf8').split('\n').slice(0, -1);
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    if (sha256 !== manifest.sha256 || lines.length !== manifest.claims) throw new Error(`${name} is not true`);
    claims.push(...lines.map(claimOfLine));
    manifests.push(manifest);
  }
  return { claims: sorted(claims), manifests };
}

export function sorted(claims: readonly ClaimRecord[]): ClaimRecord[] {
  return claims.toSorted((one, other) => (one.claimKey < other.claimKey ? -1 : 1));
}

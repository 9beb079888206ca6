/** What operators ask about stores: figures, mismatches, the progress of a backup or an archive; and their positional forms on the wire. */
import { wideOrNull } from './claim.ts';
import { type Value, wide } from './codec.ts';
import { boolean, choice, integer, list, nullable, positionalAtLeast, type TypeOf, text } from './shape.ts';

export const GUARD_STATES = ['ok', 'missing'] as const;
export type CollectionView = {
  name: string;
  claims: number;
  bytes: number;
  indexBytes: number;
  guard: (typeof GUARD_STATES)[number];
};
/** `oldestMs`: how long the oldest claim that is granted and not in the store yet may have waited. */
export type StoreView = {
  store: string;
  reachable: boolean;
  collections: CollectionView[];
  journal: { backlogClaims: number; oldestMs: number };
};

/** What tells one claim from another, of two of which one should not be. */
export type RivalClaim = {
  claimKey: string;
  requestId: string;
  grantedAt: number;
  configVersion: number;
  slot: number | null;
  attempt: string;
};

/** What does not agree: `slot` or `claimKey` says where. */
export type Mismatch = {
  kind: string;
  eventKey: string;
  period: string;
  slot: number | null;
  claimKey: string | null;
  /** Of kind `conflict`: the claim that the journal granted, and the one that is among the claims. */
  journaled?: RivalClaim;
  stored?: RivalClaim;
};
/** A part of a comparison. `cursor` asks for the next one, null at the end; `total` is as far as is known. */
export type ReconcileStep = {
  cursor: string | null;
  asOf: number;
  checked: number;
  total: number;
  mismatches: Mismatch[];
};

export const BACKUP_STATES = ['RUNNING', 'DONE', 'FAILED'] as const;
export type BackupView = {
  state: (typeof BACKUP_STATES)[number];
  phase: string;
  bytes: number;
  bytesTotal: number;
  /** How many are in it, once it is done. */
  claims: number | null;
  /** Why it failed. */
  detail: string | null;
};

/** STOPPED: who asked for it said so, or asked no more; the same again goes on. */
export const ARCHIVE_STATES = ['RUNNING', 'DONE', 'STOPPED', 'FAILED'] as const;
export const ARCHIVE_INTENTS = ['GO', 'STOP'] as const;
/**
 * `archived`: the claims of a period are in a file and no longer in the store. `left`: they stay in the store, `detail`
 * says why. `emptied`: a collection, named by `detail`, that nothing is kept in any more and that may be dropped.
 */
export const ARCHIVE_ITEM_KINDS = ['archived', 'left', 'emptied'] as const;
export type ArchiveItem = {
  kind: (typeof ARCHIVE_ITEM_KINDS)[number];
  eventKey: string;
  period: string;
  claims: number;
  /** The name of the file in the folder, and the SHA-256 of its bytes in hexadecimal. */
  file: string | null;
  sha256: string | null;
  detail: string | null;
};
/** Done and total count a claim once for each time that it is gone through. */
export type ArchiveView = {
  state: (typeof ARCHIVE_STATES)[number];
  phase: string;
  done: number;
  total: number;
  /** How many are out of the store. */
  claims: number;
  /** How many there are so far. */
  itemCount: number;
  /** Why it failed, or stopped. */
  detail: string | null;
};

const count = integer({ min: 0, max: Number.MAX_SAFE_INTEGER });
const word = text({ lengthMin: 1, lengthMax: 64 });
const name = text({ lengthMin: 1, lengthMax: 255 });

export const collectionTuple = positionalAtLeast(
  ['name', name],
  ['claims', count],
  ['bytes', count],
  ['indexBytes', count],
  ['guard', choice(...GUARD_STATES)],
);
export const storeTuple = positionalAtLeast(
  ['store', word],
  ['reachable', boolean],
  ['collections', list(collectionTuple, { lengthMax: 8_192 })],
  ['backlogClaims', count],
  ['oldestMs', count],
);
export const rivalTuple = positionalAtLeast(
  ['claimKey', text({ lengthMax: 512 })],
  ['requestId', text({ lengthMax: 512 })],
  ['grantedAt', count],
  ['configVersion', count],
  ['slot', nullable(count)],
  ['attempt', text({ lengthMax: 512 })],
);
export const mismatchTuple = positionalAtLeast(
  ['kind', word],
  ['eventKey', text({ lengthMax: 64 })],
  ['period', text({ lengthMax: 32 })],
  ['slot', nullable(count)],
  ['claimKey', nullable(text({ lengthMax: 512 }))],
  ['journaled', nullable(rivalTuple)],
  ['stored', nullable(rivalTuple)],
);

export const archiveItemTuple = positionalAtLeast(
  ['kind', choice(...ARCHIVE_ITEM_KINDS)],
  ['eventKey', text({ lengthMax: 64 })],
  ['period', text({ lengthMax: 32 })],
  ['claims', count],
  ['file', nullable(name)],
  ['sha256', nullable(text({ lengthMin: 64, lengthMax: 64 }))],
  ['detail', nullable(text({ lengthMax: 512 }))],
);

export function encodeStore({ store, reachable, collections, journal }: StoreView): Value[] {
  const own = collections.map(({ name, claims, bytes, indexBytes, guard }) => [
    ...[name, wide(claims), wide(bytes), wide(indexBytes), guard],
  ]);
  return [store, reachable, own, wide(journal.backlogClaims), wide(journal.oldestMs)];
}

/** Takes what `storeTuple` has accepted. */
export function decodeStore([store, reachable, collections, backlogClaims, oldestMs]: TypeOf<
  typeof storeTuple
>): StoreView {
  return {
    ...{ store, reachable, journal: { backlogClaims, oldestMs } },
    collections: collections.map(([name, claims, bytes, indexBytes, guard]) => {
      return { name, claims, bytes, indexBytes, guard };
    }),
  };
}

export function encodeMismatch({ kind, eventKey, period, slot, claimKey, journaled, stored }: Mismatch): Value[] {
  return [kind, eventKey, period, wideOrNull(slot), claimKey, encodeRival(journaled), encodeRival(stored)];
}

/** Takes what `mismatchTuple` has accepted. */
export function decodeMismatch(tuple: TypeOf<typeof mismatchTuple>): Mismatch {
  const [kind, eventKey, period, slot, claimKey, journaled, stored] = tuple;
  const rivals = journaled && stored && { journaled: decodeRival(journaled), stored: decodeRival(stored) };
  return { kind, eventKey, period, slot, claimKey, ...rivals };
}

function encodeRival(claim: RivalClaim | undefined): Value {
  if (claim === undefined) return null;
  const { claimKey, requestId, grantedAt, configVersion, slot, attempt } = claim;
  return [claimKey, requestId, wide(grantedAt), configVersion, wideOrNull(slot), attempt];
}

function decodeRival([claimKey, requestId, grantedAt, configVersion, slot, attempt]: TypeOf<
  typeof rivalTuple
>): RivalClaim {
  return { claimKey, requestId, grantedAt, configVersion, slot, attempt };
}

export function encodeArchiveItem({ kind, eventKey, period, claims, file, sha256, detail }: ArchiveItem): Value[] {
  return [kind, eventKey, period, wide(claims), file, sha256, detail];
}

/** Takes what `archiveItemTuple` has accepted. */
export function decodeArchiveItem([kind, eventKey, period, claims, file, sha256, detail]: TypeOf<
  typeof archiveItemTuple
>): ArchiveItem {
  return { kind, eventKey, period, claims, file, sha256, detail };
}

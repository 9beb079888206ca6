/** What operators ask about stores: figures, mismatches, a backup's progress; and their positional forms on the wire. */
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

/** What does not agree: `slot` or `claimKey` says where. */
export type Mismatch = {
  kind: string;
  eventKey: string;
  period: string;
  slot: number | null;
  claimKey: string | null;
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
export const mismatchTuple = positionalAtLeast(
  ['kind', word],
  ['eventKey', text({ lengthMax: 64 })],
  ['period', text({ lengthMax: 32 })],
  ['slot', nullable(count)],
  ['claimKey', nullable(text({ lengthMax: 512 }))],
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

export function encodeMismatch({ kind, eventKey, period, slot, claimKey }: Mismatch): Value[] {
  return [kind, eventKey, period, wideOrNull(slot), claimKey];
}

/** Takes what `mismatchTuple` has accepted. */
export function decodeMismatch([kind, eventKey, period, slot, claimKey]: TypeOf<typeof mismatchTuple>): Mismatch {
  return { kind, eventKey, period, slot, claimKey };
}

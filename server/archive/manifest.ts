/** What vouches for a file of archived claims: which they are, how many, and the checksum of the file's bytes. */
import { ArchiveRefused } from './refused.ts';

export const ARCHIVE_FORMAT = 1;

/** Times are ISO 8601. */
export type Manifest = {
  format: typeof ARCHIVE_FORMAT;
  clusterId: string;
  eventKey: string;
  period: string;
  /** From 1; a further one has what was not in the store, or was another claim, when the one before was written. */
  part: number;
  file: string;
  claims: number;
  bytes: number;
  sha256: string;
  /** The highest stock number among the claims; null when they have none. */
  slotHighest: number | null;
  grantedFirst: string | null;
  grantedLast: string | null;
  sealedAt: string;
};

/** Throws ArchiveRefused for a text that no version up to this one has written. */
export function manifestOf(text: string, path: string): Manifest {
  const manifest = parsed(text) as Partial<Manifest> | null;
  if (manifest === null || typeof manifest !== 'object' || manifest.format !== ARCHIVE_FORMAT) {
    throw new ArchiveRefused(`${path} is no manifest of format ${ARCHIVE_FORMAT}`);
  }
  return manifest as Manifest;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

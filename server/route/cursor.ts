/** Keyset cursors as opaque text: what the last row of a page was, so that paging neither skips nor repeats. */
import type { PageKey } from '../store/store.ts';

export function encodeClaimCursor({ grantedAt, claimKey }: PageKey): string {
  return Buffer.from(`${grantedAt} ${claimKey}`).toString('base64url');
}

/** Undefined when the text is not a cursor of ours. */
export function decodeClaimCursor(cursor: string): PageKey | undefined {
  const found = /^(\d{1,16}) ([A-Za-z0-9._:/-]+)$/.exec(Buffer.from(cursor, 'base64url').toString());
  const [, grantedAt, claimKey] = found ?? [];
  return grantedAt === undefined || claimKey === undefined ? undefined : { grantedAt: Number(grantedAt), claimKey };
}

export function encodeEventCursor(eventKey: string): string {
  return Buffer.from(eventKey).toString('base64url');
}

export function decodeEventCursor(cursor: string): string | undefined {
  const eventKey = Buffer.from(cursor, 'base64url').toString();
  return /^[A-Za-z0-9._:-]+$/.test(eventKey) ? eventKey : undefined;
}

/** Of a list in the order of some text that is not for a person to read, such as ids and names. */
export function encodeTextCursor(text: string): string {
  return Buffer.from(text).toString('base64url');
}

/** Undefined when the cursor is not the canonical form of any text. */
export function decodeTextCursor(cursor: string): string | undefined {
  const text = Buffer.from(cursor, 'base64url').toString();
  return text !== '' && encodeTextCursor(text) === cursor ? text : undefined;
}

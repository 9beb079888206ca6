/** Versions of an event as entity tags (RFC 9110 §8.8.3): the tag is the version in quotes. */
import { badRequest } from './refusal.ts';

const STRONG_TAG = /^"([\x21\x23-\x7e]*)"$/;
const VERSION = /^[1-9]\d{0,14}$/;
/** A version that no event has: a foreign tag is a mismatch, but whether the event exists is told first. */
const NO_VERSION = Number.MAX_SAFE_INTEGER;

export function etagOf(event: { configVersion: number }): string {
  return `"${event.configVersion}"`;
}

/** The version that `If-Match` asks for; null for none and for `*`. Throws a Refusal when it is not one strong tag. */
export function versionOf(ifMatch: string | undefined): number | null {
  if (ifMatch === undefined || ifMatch === '*') return null;
  const tag = STRONG_TAG.exec(ifMatch)?.[1];
  if (tag === undefined) throw badRequest({ field: 'If-Match', rule: 'one strong entity tag such as "3", or *' });
  return VERSION.test(tag) ? Number(tag) : NO_VERSION;
}

/** What the projector's two threads say to each other: one answer or failure for each question, by its number. */
import type { Address } from './address.ts';
import type { Timeouts } from './connection.ts';
import type { Advance, Advanced } from './projection.ts';

export type ProjectorSettings = { address: Address; timeouts: Timeouts; nodeId: string };

export type Question =
  | { number: number; ask: 'mark' }
  | ({ number: number; ask: 'advance' } & Advance)
  | { number: number; ask: 'close' };

/** Errors lose their class on the way. The message of `placeMissing` is the name of the collection. */
export type Failure = { kind: 'unavailable' | 'refused' | 'placeMissing' | 'other'; message: string };

export type Answer = { number: number; answer: number | Advanced | null } | { number: number; failure: Failure };

/** What a load process is asked to do and what it answers, as they travel between two processes: plain data. */
import type { ServiceCredential, TokenSigner } from '../credentials/data-folder.ts';

export type Target = { host: string; port: number };

/** Who asks for what. Ids follow from the tags (`ids.ts`), so that two jobs can speak of the same users. */
export type Claims = {
  /** All of one length. Without a `userCount` they take turns claim by claim. */
  eventKeys: readonly string[];
  userTag: string;
  requestTag: string;
  /** After this many users the first one comes again, with the next event if there are several; null for never. */
  userCount: number | null;
};

export type Dialect =
  /** The protocol, with its handshake. */
  | { kind: 'claimd'; credential: ServiceCredential }
  /** The same frames without a handshake, for a bare echo. */
  | { kind: 'framed' }
  /** `SET claimKey requestId NX` in Redis's protocol. */
  | { kind: 'resp' }
  /** An insert of claim key and request id into a space of Tarantool, in its binary protocol. */
  | { kind: 'iproto'; spaceId: number }
  | { kind: 'http'; signer: TokenSigner };

export type Pace =
  /** Every connection keeps `depth` requests in flight: what can be had at most. */
  | { kind: 'closed' }
  /** Claims are due at a fixed rate, whatever the answers do; latency counts from when one was due. */
  | { kind: 'open'; ratePerS: number };

export type Job = {
  dialect: Dialect;
  target: Target;
  claims: Claims;
  /** Claims in one request: 1, or more for batch frames of claimd. */
  batchClaims: number;
  connections: number;
  /** Requests in flight on one connection at most. */
  depth: number;
  pace: Pace;
  warmUpMs: number;
  /** Length of the measured window. */
  measureMs: number;
  /** The job ends when so many claims have been sent; null for no such bound. */
  claimsMax: number | null;
};

/** In milliseconds. */
export type Latency = { p50: number; p99: number; p999: number; max: number };

export type JobResult = {
  /** Claims of the whole job, warm-up included; each was answered. */
  sent: number;
  /** Answers of the whole job by outcome. */
  outcomes: Record<string, number>;
  /** Claims answered per second within the measured window. */
  perS: number;
  windowMs: number;
  /** Of requests that were due within the measured window. */
  latencyMs: Latency;
  /** Share of one core that the load process itself used, 0…1 and a little more. */
  generatorCpu: number;
};

/**
 * What edges are told without asking again: changes of events, claims of their users, revocations. Each notice is
 * encoded once and handed to every listener that wants it; one that does not read is the connection's to close.
 */
import { encodeClaim } from '../../protocol/claim.ts';
import { encodeFrame, type Value, wide } from '../../protocol/codec.ts';
import { KIND } from '../../protocol/frame.ts';
import { OPS } from '../../protocol/ops.ts';
import type { Runtime } from '../../protocol/runtime.ts';
import type { EventConfigs } from '../events/configs.ts';
import { spanAt } from '../rules/calendar.ts';
import { claimInstant, nextClaimAtOf } from '../rules/decide.ts';
import type { Revocation } from '../store/accounts.ts';
import type { ClaimRecord, EventRecord, Store } from '../store/store.ts';
import { EventWatch } from './event-watch.ts';
import { GrantWatch } from './grant-watch.ts';
import type { Standing } from './standing.ts';
import { type Listener, Subscriptions } from './subscriptions.ts';

const SWEEP_MS = 5_000;

export type NoticesOptions = {
  store: Pick<Store, 'claims' | 'events'>;
  configs: Pick<EventConfigs, 'of' | 'isFresh'>;
  runtime: Runtime;
  nowMs: () => number;
  /** Those in force. */
  revocations: () => Iterable<Revocation>;
  /** `alone`: no other node of this store can grant anything. */
  nodes: 'alone' | 'several';
};
type Asked = { eventKeys: readonly string[]; userIds: readonly string[] };

export class Notices {
  readonly #options: NoticesOptions;
  readonly #subscriptions = new Subscriptions();
  readonly #events: EventWatch;
  readonly #grants: GrantWatch | null;
  #cancel: () => void = () => {};

  constructor(options: NoticesOptions) {
    this.#options = options;
    const { store, configs, runtime, nowMs, nodes } = options;
    const subscriptions = this.#subscriptions;
    this.#events = new EventWatch({
      ...{ store, configs, runtime, nowMs },
      wanted: () => subscriptions.events(),
      changed: (standing) => this.#eventChanged(standing),
    });
    const found = (claim: ClaimRecord, event: EventRecord) => this.#foundElsewhere(claim, event);
    const grants = new GrantWatch({ store, runtime, nowMs, wanted: () => subscriptions.users(), found });
    this.#grants = nodes === 'alone' ? null : grants;
  }

  start(): void {
    this.#events.start();
    this.#grants?.start();
    const sweep = () => {
      this.#subscriptions.sweep();
      this.#cancel = this.#options.runtime.after(SWEEP_MS, sweep);
    };
    sweep();
  }

  stop(): void {
    this.#events.stop();
    this.#grants?.stop();
    this.#cancel();
  }

  /** The events as they stand, or null when the listener asks for too much. Rejects with StoreUnavailable. */
  async subscribe(listener: Listener, { eventKeys, userIds }: Asked): Promise<Standing[] | null> {
    const isNew = !this.#subscriptions.has(listener);
    // First to be told, then what stands: the other way round a change in between would be missed.
    if (!this.#subscriptions.add(listener, eventKeys, userIds)) return null;
    if (isNew) for (const revocation of this.#options.revocations()) listener.notify(revokedFrame(revocation));
    for (const userId of userIds) this.#grants?.begin(userId);
    return this.#events.standings([...new Set(eventKeys)]);
  }

  unsubscribe(listener: Listener, { eventKeys, userIds }: Asked): void {
    this.#subscriptions.remove(listener, eventKeys, userIds);
  }

  /** Whether anybody wants to know of any user's claims. */
  get isHeard(): boolean {
    return this.#subscriptions.hasUsers;
  }

  /** This node has granted a claim. Costs one look-up where nobody wants to know. */
  granted(claim: ClaimRecord, nextClaimAt: number | null): void {
    if (!this.#subscriptions.wantsUser(claim.userId)) return;
    this.#grants?.settle(claim.claimKey);
    tell(this.#subscriptions.ofUser(claim.userId), grantedFrame(claim, nextClaimAt));
  }

  revoked(revocations: readonly Revocation[]): void {
    for (const revocation of revocations) tell(this.#subscriptions.all(), revokedFrame(revocation));
  }

  #eventChanged({ eventKey, state, stockLeft }: Standing): void {
    const left = stockLeft === null ? null : wide(stockLeft);
    tell(this.#subscriptions.ofEvent(eventKey), noticeFrame('EVENT_CHANGED', [eventKey, state, left]));
  }

  #foundElsewhere(claim: ClaimRecord, event: EventRecord): void {
    const now = this.#options.nowMs();
    const nextClaimAt = nextClaimAtOf(event, claim, now, spanAt(event, claimInstant(event, now)));
    tell(this.#subscriptions.ofUser(claim.userId), grantedFrame(claim, nextClaimAt));
  }
}

function tell(listeners: Iterable<Listener>, frame: Uint8Array): void {
  for (const listener of listeners) listener.notify(frame);
}

function grantedFrame(claim: ClaimRecord, nextClaimAt: number | null): Uint8Array {
  return noticeFrame('CLAIM_GRANTED', [encodeClaim(claim, nextClaimAt)]);
}

function revokedFrame({ userId, sessionId, at, until }: Revocation): Uint8Array {
  return noticeFrame('REVOKED', [userId, sessionId, wide(at), wide(until)]);
}

function noticeFrame(name: 'EVENT_CHANGED' | 'CLAIM_GRANTED' | 'REVOKED', body: readonly Value[]): Uint8Array {
  return encodeFrame(KIND.notice, OPS[name].op, 0, body);
}

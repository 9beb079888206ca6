/**
 * What servers tell, brought to the sockets that it is for: how events stand, a user's own grants, revocations. Every
 * connected server is subscribed to, so that the loss of one is no gap. It keeps how the watched events stand, and who
 * watches; invariant: a socket that has left is told nothing, and what nobody watches is forgotten.
 */

import { claimJson } from '../../clients/json.ts';
import type { Notice } from '../../clients/notices.ts';
import type { Listener } from '../../clients/pool.ts';
import { decodeClaim } from '../../protocol/claim.ts';
import { claimKeyOf } from '../../protocol/key.ts';
import type { Args } from '../../protocol/ops.ts';
import type { Context } from '../context.ts';
import { Recent } from '../recent.ts';
import type { Identity } from '../tokens.ts';
import type { CloseName } from './closes.ts';
import type { Told } from './messages.ts';
import { type Standing, Upstream } from './upstream.ts';

/** A socket whose user is known. */
export type Watcher = {
  readonly identity: Identity;
  readonly eventKeys: readonly string[];
  /** Nothing before it is ready. */
  tell(message: Told, encoded?: Buffer): void;
  close(name: CloseName): void;
};
type Watched = { standing: Standing | null; watchers: Set<Watcher> };

export class Feed implements Listener {
  readonly #context: Context;
  readonly #upstreams = new Map<string, Upstream>();
  readonly #events = new Map<string, Watched>();
  readonly #users = new Map<string, Set<Watcher>>();
  /** Claim keys whose grant was told: each server may tell of it. */
  readonly #granted: Recent<object>;
  #stopListening: () => void = () => {};

  constructor(context: Context) {
    this.#context = context;
    this.#granted = new Recent(context.limits.liveGrantsMax);
  }

  start(): void {
    this.#stopListening = this.#context.client.listen(this);
  }

  stop(): void {
    this.#stopListening();
    for (const upstream of this.#upstreams.values()) upstream.end();
    this.#upstreams.clear();
  }

  /** Sockets of a user, those that are not ready yet included. */
  socketsOf(userId: string): number {
    return this.#users.get(userId)?.size ?? 0;
  }

  join(watcher: Watcher): void {
    const { userId } = watcher.identity;
    const users = this.#users.get(userId);
    if (users === undefined) this.#users.set(userId, new Set([watcher]));
    else users.add(watcher);
    for (const key of watcher.eventKeys) {
      const watched = this.#events.get(key);
      if (watched === undefined) this.#events.set(key, { standing: null, watchers: new Set([watcher]) });
      else watched.watchers.add(watcher);
    }
    this.#touch(watcher);
  }

  leave(watcher: Watcher): void {
    const { userId } = watcher.identity;
    const users = this.#users.get(userId);
    if (users?.delete(watcher) && users.size === 0) this.#users.delete(userId);
    for (const key of watcher.eventKeys) {
      const watched = this.#events.get(key);
      if (watched?.watchers.delete(watcher) && watched.watchers.size === 0) this.#events.delete(key);
    }
    this.#touch(watcher);
  }

  /** How the watcher's events stand as far as that is known; of the others it is told as soon as it is. */
  tellStandings(watcher: Watcher): void {
    for (const key of watcher.eventKeys) {
      const standing = this.#events.get(key)?.standing ?? null;
      if (standing !== null) watcher.tell(eventMessage(standing));
    }
  }

  onState({ server, state }: Parameters<Listener['onState']>[0]): void {
    this.#upstreams.get(server)?.end();
    this.#upstreams.delete(server);
    if (state !== 'ready') return;
    const upstream = new Upstream({
      context: this.#context,
      server,
      isWanted: (kind, key) => (kind === 'events' ? this.#events : this.#users).has(key),
      onStandings: (standings) => {
        for (const standing of standings) this.#stands(standing, server);
      },
    });
    this.#upstreams.set(server, upstream);
    upstream.start({ events: this.#events.keys(), users: this.#users.keys() });
  }

  onNotice(notice: Notice): void {
    if (notice.name === 'EVENT_CHANGED') {
      this.#upstreams.get(notice.server)?.noticed(notice.args[0]);
      this.#stands(notice.args, notice.server);
    } else if (notice.name === 'CLAIM_GRANTED') this.#grant(notice.args);
    else this.#revoke(notice.args);
  }

  #touch({ identity, eventKeys }: Watcher): void {
    for (const upstream of this.#upstreams.values()) {
      upstream.touch('users', [identity.userId]);
      upstream.touch('events', eventKeys);
    }
  }

  /**
   * A change of state is believed of any server. Counts of stock differ from server to server by what is on its way, so
   * they are taken from one: players must not see units come back.
   */
  #stands(standing: Standing, server: string): void {
    const [eventKey, state, stockLeft] = standing;
    const watched = this.#events.get(eventKey);
    if (watched === undefined) return;
    const known = watched.standing;
    if (known !== null && known[1] === state) {
      const [first] = this.#upstreams.keys();
      if (known[2] === stockLeft || server !== first) return;
    }
    watched.standing = standing;
    broadcast(watched.watchers, eventMessage(standing));
  }

  #grant([tuple]: Args<'CLAIM_GRANTED'>): void {
    const [eventKey, period, userId] = tuple;
    const watchers = this.#users.get(userId);
    const claimKey = claimKeyOf(eventKey, period, userId);
    if (watchers === undefined || this.#granted.get(claimKey) !== undefined) return;
    this.#granted.set(claimKey, watchers);
    broadcast(watchers, { type: 'granted', claim: claimJson(decodeClaim(tuple)) });
  }

  #revoke(revoked: Args<'REVOKED'>): void {
    const { revocations } = this.#context;
    revocations.add(revoked);
    for (const watcher of [...(this.#users.get(revoked[0]) ?? [])]) {
      if (revocations.includes(watcher.identity)) watcher.close('SESSION_ENDED');
    }
  }
}

/** Encoded once, however many are told. */
function broadcast(watchers: ReadonlySet<Watcher>, message: Told): void {
  const encoded = Buffer.from(JSON.stringify(message));
  for (const watcher of [...watchers]) watcher.tell(message, encoded);
}

function eventMessage([eventKey, state, stockLeft]: Standing): Told {
  return { type: 'event', eventKey, state, stockLeft };
}

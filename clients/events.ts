/** What operators do with events. Each method is one request; nothing is remembered here. */
import type { EventInput, EventPatch, EventView } from '../protocol/event.ts';
import type { Mode } from '../protocol/mode.ts';
import { sendable } from '../protocol/sendable.ts';
import { type Answer, eventAnswer, eventPageAnswer, type Page } from './answers.ts';
import type { CallOptions } from './call.ts';
import type { Pool } from './pool.ts';

type EventAnswer = Promise<Answer<{ event: EventView }>>;

export class Events {
  readonly #pool: Pool;

  constructor(pool: Pool) {
    this.#pool = pool;
  }

  /** EVENT_NOT_FOUND when there is none. */
  get(eventKey: string, options: CallOptions = {}): EventAnswer {
    return this.#pool.call({ name: 'EVENT_GET', args: [null, eventKey] }, options, eventAnswer);
  }

  /** In the order of event keys; at most `limit` (1…200) of them, from the `nextCursor` of the page before. */
  list(
    { limit = null, cursor = null }: { limit?: number | null; cursor?: string | null } = {},
    options: CallOptions = {},
  ): Promise<Answer<Page<EventView>>> {
    return this.#pool.call({ name: 'EVENT_LIST', args: [null, limit, cursor] }, options, eventPageAnswer);
  }

  /** EVENT_EXISTS when the key is taken. Never sent twice: OUTCOME_UNKNOWN when its reply was lost. */
  create(event: EventInput, options: CallOptions = {}): EventAnswer {
    return this.#pool.call({ name: 'EVENT_CREATE', args: [null, sendable(event)] }, options, eventAnswer);
  }

  /** With a `configVersion` only that version is changed, else VERSION_MISMATCH. Never sent twice. */
  change(
    eventKey: string,
    patch: EventPatch,
    { configVersion = null, ...options }: CallOptions & { configVersion?: number | null } = {},
  ): EventAnswer {
    const args = [null, eventKey, sendable(patch), configVersion];
    return this.#pool.call({ name: 'EVENT_CHANGE', args }, options, eventAnswer);
  }

  /** Grants stop at once on the server that answers and within 1 s everywhere. */
  pause(eventKey: string, options: CallOptions = {}): EventAnswer {
    return this.#pool.call({ name: 'EVENT_PAUSE', args: [null, eventKey] }, options, eventAnswer);
  }

  resume(eventKey: string, options: CallOptions = {}): EventAnswer {
    return this.#pool.call({ name: 'EVENT_RESUME', args: [null, eventKey] }, options, eventAnswer);
  }

  /**
   * How the event commits from now on. Answered when that holds everywhere, so it takes a second or two, in which claims
   * get BUSY. A deadline that passes meanwhile is OUTCOME_UNKNOWN; asking again is safe and settles it.
   */
  setMode(eventKey: string, mode: Mode, options: CallOptions = {}): EventAnswer {
    return this.#pool.call({ name: 'EVENT_MODE', args: [null, eventKey, mode] }, options, eventAnswer);
  }
}

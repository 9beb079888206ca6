/** Claims that are on their way into the store past the journal: who must know of all of them waits for those. */
import type { ClaimStore } from '../store/store.ts';

export class Inserting {
  readonly #running = new Set<Promise<unknown>>();

  /** The same claims; their inserts are counted from here on. */
  counted(claims: ClaimStore): ClaimStore {
    const { insert, insertStock } = claims;
    claims.insert = (...asked) => this.#count(insert.apply(claims, asked));
    claims.insertStock = (...asked) => this.#count(insertStock.apply(claims, asked));
    return claims;
  }

  /** Resolves when every insert that has begun is over. */
  async over(): Promise<void> {
    await Promise.allSettled([...this.#running]);
  }

  #count<T>(insert: Promise<T>): Promise<T> {
    this.#running.add(insert);
    const forget = () => this.#running.delete(insert);
    insert.then(forget, forget);
    return insert;
  }
}

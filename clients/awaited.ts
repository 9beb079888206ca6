/** Calls that were told which server to ask, by its address, until that server has room for them. It sends nothing. */
import { Chain, type Entry } from './chain.ts';

export class Awaited<T> {
  readonly #chains = new Map<string, Chain<T>>();

  get length(): number {
    return this.#sum(({ length }) => length);
  }

  /** The sum of what those that wait weigh. */
  get weight(): number {
    return this.#sum(({ weight }) => weight);
  }

  first(address: string): T | undefined {
    const chain = this.#chains.get(address);
    // Those that gave up have left by themselves.
    if (chain?.length === 0) this.#chains.delete(address);
    return chain?.first;
  }

  append(address: string, value: T, weight: number): Entry<T> {
    let chain = this.#chains.get(address);
    if (chain === undefined) {
      chain = new Chain<T>();
      this.#chains.set(address, chain);
    }
    return chain.append(value, weight);
  }

  /** Takes the first out; undefined when nobody waits for that server. */
  shift(address: string): T | undefined {
    return this.#chains.get(address)?.shift();
  }

  #sum(measure: (chain: Chain<T>) => number): number {
    let sum = 0;
    for (const chain of this.#chains.values()) sum += measure(chain);
    return sum;
  }
}

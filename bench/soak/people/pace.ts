/**
 * An open loop: requests go out by the clock, whether or not those before them were answered, because players do not wait
 * for one another. Invariant: after `stop` nothing is under way, and every request has been counted.
 */
import type { Said } from './http-door.ts';

const TICK_MS = 4;

export type PaceOptions = {
  perS: number;
  /** Sends the request `n`. Must not reject. */
  send: (n: number) => Promise<Said>;
  said: (said: Said, n: number) => void;
};

export class Pace {
  readonly #options: PaceOptions;
  readonly #underWay = new Set<Promise<void>>();
  #timer: NodeJS.Timeout | undefined;
  #startedAtMs = 0;
  #sent = 0;

  constructor(options: PaceOptions) {
    this.#options = options;
  }

  start(): void {
    this.#startedAtMs = performance.now();
    this.#timer = setInterval(() => this.#sendDue(), TICK_MS);
  }

  /** Sends nothing new; resolves when everything is answered. */
  async stop(): Promise<void> {
    this.#sendDue();
    clearInterval(this.#timer);
    await Promise.all(this.#underWay);
  }

  #sendDue(): void {
    const { perS, send, said } = this.#options;
    const due = Math.floor(((performance.now() - this.#startedAtMs) * perS) / 1_000);
    for (; this.#sent < due; this.#sent++) {
      const n = this.#sent;
      const answered = send(n).then((answer) => {
        said(answer, n);
        this.#underWay.delete(answered);
      });
      this.#underWay.add(answered);
    }
  }
}

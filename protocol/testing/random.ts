/** Seeded chance for tests: the same seed gives the same run. Print the seed with every failure. */
export type Chance = {
  readonly seed: number;
  /** In [0, 1). */
  fraction(): number;
  /** In [0, below). */
  integer(below: number): number;
  pick<T>(choices: readonly T[]): T;
  bytes(length: number): Uint8Array;
};

/** Mulberry32 (Tommy Ettinger, public domain): 32 bits of state are enough to steer a test. */
export function chanceOf(seed: number): Chance {
  let state = seed >>> 0;
  const fraction = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
  const integer = (below: number) => Math.floor(fraction() * below);
  return {
    seed,
    fraction,
    integer,
    pick: (choices) => choices[integer(choices.length)] as (typeof choices)[number],
    bytes: (length) => Uint8Array.from({ length }, () => integer(256)),
  };
}

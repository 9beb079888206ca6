import { assert, suite } from '../../protocol/testing/kit.ts';
import { virtualTime } from '../../protocol/testing/virtual-time.ts';
import { Projection } from './projection.ts';
import type { Reign } from './reign.ts';

const test = suite('projection');

/** A slice takes `sliceMs`. */
function backlogOf(claims: number) {
  const time = virtualTime();
  const reign = {
    mark: 0,
    head: claims,
    durableClaims: claims,
    release() {},
    journal: { state: () => ({ isFull: false }) },
  };
  const state = { sliceMs: 10, load: 0 };
  const slices: number[] = [];
  const projection = new Projection({
    projector: {
      mark: async () => reign.mark,
      tidy: async () => false,
      close: async () => {},
      advance: (_until, claimsMax) =>
        new Promise((resolve) => {
          slices.push(claimsMax);
          time.after(state.sliceMs, () => resolve({ mark: reign.mark + claimsMax, claims: claimsMax, conflicts: [] }));
        }),
    },
    reign: reign as unknown as Reign,
    runtime: time,
    log: { debug() {}, info() {}, warn() {}, error() {} },
    intervalMs: 1_000,
    load: () => state.load,
    onConflict: () => {},
  });
  /** The next `count` slices. */
  async function next(count: number): Promise<number[]> {
    slices.length = 0;
    while (slices.length < count) await time.advance(state.sliceMs);
    return slices.slice(0, count);
  }
  return { projection, state, next };
}

test('slices grow while they are quick, and shrink where they take long', async () => {
  const { projection, state, next } = backlogOf(1e12);
  projection.start();
  assert.equal(await next(8), [4_000, 8_000, 16_000, 32_000, 64_000, 128_000, 200_000, 200_000]);
  state.sliceMs = 6_000;
  assert.equal((await next(3)).at(-1), 200_000);
  state.sliceMs = 12_000;
  assert.equal((await next(4)).slice(1), [100_000, 50_000, 25_000]);
});

test('towards the end slices are short again, since somebody may wait for it', async () => {
  const { projection, next } = backlogOf(60_000);
  projection.start();
  assert.equal(await next(7), [4_000, 8_000, 16_000, 15_000, 7_500, 3_750, 2_000]);
});

test('while claims are granted slices are small', async () => {
  const { projection, state, next } = backlogOf(1e12);
  projection.start();
  assert.is((await next(5)).at(-1), 64_000);
  state.load = 0.6;
  assert.equal((await next(3)).slice(1), [2_000, 2_000]);
});

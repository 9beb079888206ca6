/** A comparison part by part, while the journal is still being projected. */
import { assert, rejection, suite } from '../../protocol/testing/kit.ts';
import { virtualTime } from '../../protocol/testing/virtual-time.ts';
import { Reconciling, type ReconcilingOptions } from './reconciling.ts';

const test = suite('reconciling');

test('a projection that takes long is waited for over many parts, and is asked for once', async () => {
  const runtime = virtualTime();
  let asked = 0;
  let project: () => void = () => {};
  const journal = {
    project: () => {
      asked++;
      return new Promise<void>((resolve) => {
        project = resolve;
      });
    },
    mark: 0,
    blocks: () => null,
    hold: () => () => {},
  };
  const store = new Proxy({} as ReconcilingOptions['store'], {
    get() {
      throw new Error('it is read');
    },
  });
  const reconciling = new Reconciling({ store, journal, runtime });
  let place: string | null = null;
  for (let part = 0; part < 3; part++) {
    const next = reconciling.next(1_000, place);
    await runtime.settle();
    await runtime.advance(2_000);
    const { checked, mismatches, place: reached } = await next;
    assert.equal([checked, mismatches], [0, []]);
    assert.ok(reached !== null, 'it has not come to its end');
    place = reached;
  }
  assert.is(asked, 1);
  const after = rejection(reconciling.next(1_000, place));
  project();
  assert.is((await after).message, 'it is read');
});

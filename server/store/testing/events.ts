/** Events: created once, replaced only over the revision that was read. */
import { assert } from '../../../protocol/testing/kit.ts';
import { eventOf, NOON, type Test } from './fixtures.ts';

export function eventContract(test: Test): void {
  test('an event is created once and read back as it is', async ({ store, other }) => {
    const summer = eventOf();
    const winter = eventOf({ eventKey: 'winter', stock: 0, endsAt: NOON + 1, heldUntil: NOON, rewards: [] });
    assert.is(await store.events.create(summer), true);
    assert.is(await store.events.create(winter), true);
    assert.is(await other.events.create(eventOf({ title: 'another' })), false);
    assert.equal(await other.events.get(['winter', 'absent', 'summer']), [winter, null, summer]);
    assert.equal(await store.events.get([]), []);
  });

  test('of many calls that create the same event one does', async ({ store, other }) => {
    const titles = Array.from({ length: 8 }, (_, index) => `title ${index}`);
    const made = await Promise.all(
      titles.map((title, index) => (index % 2 === 0 ? store : other).events.create(eventOf({ title }))),
    );
    assert.is(made.filter(Boolean).length, 1);
    const [event] = await store.events.get(['summer']);
    assert.is(event?.title, titles[made.indexOf(true)]);
  });

  test('a replacement needs the revision before it', async ({ store }) => {
    assert.is(await store.events.replace(eventOf({ revision: 2 })), false);
    assert.equal(await store.events.get(['summer']), [null]);
    await store.events.create(eventOf());
    const next = eventOf({ revision: 2, configVersion: 2, state: 'PAUSED', heldUntil: NOON + 1_000 });
    assert.is(await store.events.replace(next), true);
    assert.is(await store.events.replace(eventOf({ revision: 2, title: 'late' })), false);
    assert.is(await store.events.replace(eventOf({ revision: 4, title: 'early' })), false);
    assert.is(await store.events.replace(eventOf({ revision: 1, title: 'back' })), false);
    assert.equal(await store.events.get(['summer']), [next]);
  });

  test('of many replacements of one revision one holds', async ({ store, other }) => {
    await store.events.create(eventOf());
    for (let revision = 2; revision <= 6; revision++) {
      const replaced = await Promise.all(
        Array.from({ length: 6 }, (_, index) =>
          (index % 2 === 0 ? store : other).events.replace(eventOf({ revision, title: `title ${index}` })),
        ),
      );
      assert.is(replaced.filter(Boolean).length, 1);
      const [event] = await store.events.get(['summer']);
      assert.is(event?.title, `title ${replaced.indexOf(true)}`);
      assert.is(event?.revision, revision);
    }
  });

  test('events are listed in the order of their keys, in pages', async ({ store }) => {
    const keys = ['a', 'a-b', 'a.b', 'aa', 'B', 'Z', '_', '0', '10', '2', ':', '__proto__', 'constructor'];
    for (const eventKey of keys) await store.events.create(eventOf({ eventKey }));
    const sorted = [...keys].sort();
    assert.equal(
      (await store.events.list({ limit: 100 })).map(({ eventKey }) => eventKey),
      sorted,
    );
    const paged: string[] = [];
    for (let page = await store.events.list({ limit: 4 }); page.length > 0; ) {
      paged.push(...page.map(({ eventKey }) => eventKey));
      page = await store.events.list({ limit: 4, after: paged.at(-1) as string });
    }
    assert.equal(paged, sorted);
    assert.equal(
      (await store.events.list({ limit: 2, after: 'a!' })).map(({ eventKey }) => eventKey),
      ['a-b', 'a.b'],
    );
  });
}

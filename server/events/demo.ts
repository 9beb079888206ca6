/** The event that a first claim can be made on before anybody has written one. */
import type { Store } from '../store/store.ts';
import type { Events } from './events.ts';

/** Makes `welcome`, always open and claimed once, where the store holds no event. */
export async function createDemoEvent(store: Store, events: Events): Promise<void> {
  const [any] = await store.events.list({ limit: 1 });
  if (any !== undefined) return;
  // Another node may be doing the same: EVENT_EXISTS is as good as having made it.
  await events.create({
    eventKey: 'welcome',
    title: 'Welcome',
    rewards: [{ kind: 'currency', id: 'gold', amount: 100 }],
  });
}

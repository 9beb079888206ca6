/** The events of a campaign, one of each kind; sales are added as rounds need them. */
import type { Client, EventInput } from '../../../clients/index.ts';
import type { History } from '../audit/history.ts';
import { isListed, userIdOf } from './questions.ts';

export const STANDING_EVENTS: readonly EventInput[] = [
  { eventKey: 'open', title: 'Everybody, once' },
  { eventKey: 'daily', title: 'Everybody, every day', period: 'daily', timeZone: 'Asia/Seoul', resetHour: 4 },
  { eventKey: 'listed', title: 'Those on the list', eligibility: { kind: 'listed' } },
];
const LISTED_AT_ONCE = 5_000;
const REWARDS = [{ kind: 'currency', id: 'gold', amount: 100 }];

export async function createEvent(client: Client, history: History, event: EventInput): Promise<void> {
  const answer = await client.events.create({ rewards: REWARDS, ...event });
  if (answer.code !== 'OK') throw new Error(`event ${event.eventKey}: ${answer.code} ${answer.detail ?? ''}`);
  history.addEvent({
    eventKey: event.eventKey,
    stock: event.stock ?? null,
    isListed: event.eligibility?.kind === 'listed' ? isListed : null,
  });
}

/** Puts the round's users on the list who belong there. */
export async function qualify(client: Client, { round, users }: { round: string; users: number }): Promise<void> {
  const userIds = Array.from({ length: users }, (_, n) => userIdOf(round, n)).filter(isListed);
  for (let from = 0; from < userIds.length; from += LISTED_AT_ONCE) {
    const answer = await client.qualifications.add('listed', userIds.slice(from, from + LISTED_AT_ONCE));
    if (answer.code !== 'OK') throw new Error(`qualifications: ${answer.code} ${answer.detail ?? ''}`);
  }
}

/** What all claims of one event, period and configuration have in common: written once a block instead of with each claim. */
import type { Reward } from '../../../protocol/claim.ts';
import { decodeBody, encodeBody, type Value, wide } from '../../../protocol/codec.ts';

export type Series = {
  eventKey: string;
  period: string;
  configVersion: number;
  rewards: Reward[];
};

type Body = [eventKey: string, period: string, configVersion: number, rewards: [string, string, number][]];

export function bodyOfSeries({ eventKey, period, configVersion, rewards }: Series): Uint8Array {
  const body: Value[] = [
    eventKey,
    period,
    wide(configVersion),
    rewards.map(({ kind, id, amount }) => [kind, id, wide(amount)]),
  ];
  // A copy of its own: a slice would keep the encoder's whole buffer alive.
  return encodeBody(body).slice();
}

/** Takes what a checksum has vouched for. */
export function seriesOf(body: Uint8Array): Series {
  const [eventKey, period, configVersion, rewards] = decodeBody(body) as Body;
  return { eventKey, period, configVersion, rewards: rewards.map(([kind, id, amount]) => ({ kind, id, amount })) };
}

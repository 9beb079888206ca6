/** What a claimd says of itself: single values of its metrics, asked for over its own protocol. */
import { type Client, isSuccess } from '../../clients/index.ts';
import { type Claimd, clientOf } from './claimd.ts';

export type Gauges = {
  /** As `gaugeOf`. */
  read(name: string): Promise<number | null>;
  close(): void;
};

type MetricJson = { name: string; values: { value: number; labels: Record<string, string> }[] };

export async function gaugesOf(claimd: Claimd): Promise<Gauges> {
  const client = await clientOf(claimd);
  return { read: (name) => gaugeOf(client, name), close: () => client.close() };
}

/**
 * Null when it has no such metric. A metric of several labels is the sum of those that have all of `labels`. Rejects when
 * the server does not answer.
 */
export async function gaugeOf(
  client: Client,
  name: string,
  labels: Readonly<Record<string, string>> = {},
): Promise<number | null> {
  const reply = await client.request('METRICS', [null]);
  if (!isSuccess(reply)) throw new Error(`metrics: ${reply.code}`);
  const metrics = JSON.parse(Buffer.from(reply.result as Uint8Array).toString('utf8')) as MetricJson[];
  const values = metrics.find((metric) => metric.name === name)?.values;
  const isAsked = (own: Record<string, string>) =>
    Object.entries(labels).every(([label, value]) => own[label] === value);
  return values?.reduce((sum, { value, labels: own }) => (isAsked(own) ? sum + value : sum), 0) ?? null;
}

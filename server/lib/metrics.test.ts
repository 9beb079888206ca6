import { AggregatorRegistry } from 'prom-client';
import { assert, suite } from '../../protocol/testing/kit.ts';
import { createMetrics, type Metrics } from './metrics.ts';

const test = suite('metrics');

/** As an edge does it: the JSON of the server becomes Prometheus text. */
async function textOf(metrics: Metrics): Promise<string> {
  const json = JSON.parse(new TextDecoder().decode(await metrics.json()));
  return AggregatorRegistry.aggregate([json]).metrics();
}

test('shows what was counted, however often it is asked', async () => {
  const metrics = createMetrics();
  metrics.outcome('GRANTED');
  metrics.outcome('ALREADY_CLAIMED', 49);
  metrics.commit({ size: 3, ms: 4, duplicates: 2 });
  metrics.closed('IDLE_TIMEOUT');
  await metrics.json();
  const text = await textOf(metrics);
  for (const line of [
    'claimd_outcomes_total{code="GRANTED"} 1',
    'claimd_outcomes_total{code="ALREADY_CLAIMED"} 49',
    'claimd_duplicate_keys_total 2',
    'claimd_commit_claims_bucket{le="2"} 0',
    'claimd_commit_claims_bucket{le="5"} 1',
    'claimd_commit_seconds_bucket{le="0.005"} 1',
    'claimd_closes_total{reason="IDLE_TIMEOUT"} 1',
  ]) {
    assert.ok(text.split('\n').includes(line), `${line} is missing from\n${text}`);
  }
  assert.not(text.includes('SOLD_OUT'), 'outcomes that never happened make no line');
});

test('reads gauges when asked', async () => {
  const metrics = createMetrics();
  const lengths = new Map([
    ['0', 0],
    ['1', 0],
    ['gone', 5],
  ]);
  metrics.gauge({ name: 'claimd_connections', help: 'Open connections.', read: () => 7 });
  metrics.gaugeBy({ name: 'claimd_queue_length', help: 'Waiting.', label: 'shard', read: () => lengths });
  await metrics.json();
  lengths.set('1', 12);
  lengths.delete('gone');
  const lines = (await textOf(metrics)).split('\n');
  assert.ok(lines.includes('claimd_connections 7'));
  assert.ok(lines.includes('claimd_queue_length{shard="0"} 0'));
  assert.ok(lines.includes('claimd_queue_length{shard="1"} 12'));
  assert.not(lines.some((line) => line.includes('gone')));
});

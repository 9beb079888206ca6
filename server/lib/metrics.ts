/**
 * What a claim server counts about itself, as Prometheus metrics. The hot path adds to plain numbers; names, labels and
 * text are made only when somebody asks. It knows no other part of the server: whoever owns a queue or a socket hands
 * in a function that reads it.
 */
import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import { ERRORS, type ErrorName } from '../../protocol/errors.ts';

const COMMIT_CLAIMS = [1, 2, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000];
const COMMIT_SECONDS = [0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

export type Metrics = {
  /** A reply to a claim; `count` for several with the same outcome. */
  outcome(code: ErrorName, count?: number): void;
  /** One durable write: how many claims went into it, how long it took, how many keys were taken already. */
  commit(written: { size: number; ms: number; duplicates: number }): void;
  /** A connection ended, for one of the pinned reasons. */
  closed(reason: string): void;
  /** A value read when somebody asks. Names begin with `claimd_` and end in their unit. */
  gauge(gauge: { name: string; help: string; read: () => number }): void;
  /** The same with one label, such as a queue's length for each shard. */
  gaugeBy(gauge: { name: string; help: string; label: string; read: () => Iterable<Labelled> }): void;
  /** With several labels, read by waiting for somebody else; `read` may not reject. */
  gaugeOf(gauge: { name: string; help: string; labels: readonly string[]; read: () => Promise<Reading[]> }): void;
  /** prom-client's JSON form of every metric, which an edge turns into Prometheus text. */
  json(): Promise<Uint8Array>;
};
/** `labels` in the order in which they were named. */
type Reading = { labels: readonly string[]; value: number };
type Labelled = readonly [label: string | number, value: number];

export function createMetrics(): Metrics {
  const registry = new Registry();
  const registers = [registry];
  const outcomes = Object.fromEntries(Object.keys(ERRORS).map((name) => [name, 0])) as Record<ErrorName, number>;
  const closes = new Map<string, number>();
  let duplicateKeys = 0;

  countBy(registry, {
    name: 'claimd_outcomes_total',
    help: 'Claims answered, by outcome.',
    label: 'code',
    read: () => Object.entries(outcomes).filter(([, count]) => count > 0),
  });
  countBy(registry, {
    name: 'claimd_closes_total',
    help: 'Connections ended, by reason.',
    label: 'reason',
    read: () => closes,
  });
  new Counter({
    name: 'claimd_duplicate_keys_total',
    help: 'Claims that the store refused because their key was taken.',
    registers,
    collect() {
      this.reset();
      this.inc(duplicateKeys);
    },
  });
  const commitClaims = new Histogram({
    name: 'claimd_commit_claims',
    help: 'Claims in one durable write.',
    buckets: COMMIT_CLAIMS,
    registers,
  });
  const commitSeconds = new Histogram({
    name: 'claimd_commit_seconds',
    help: 'Time of one durable write.',
    buckets: COMMIT_SECONDS,
    registers,
  });
  processGauges(registry);

  return {
    outcome(code, count = 1) {
      outcomes[code] += count;
    },
    commit({ size, ms, duplicates }) {
      commitClaims.observe(size);
      commitSeconds.observe(ms / 1000);
      duplicateKeys += duplicates;
    },
    closed(reason) {
      closes.set(reason, (closes.get(reason) ?? 0) + 1);
    },
    gauge({ name, help, read }) {
      new Gauge({
        name,
        help,
        registers,
        collect() {
          this.set(read());
        },
      });
    },
    gaugeBy({ name, help, label, read }) {
      new Gauge({
        name,
        help,
        labelNames: [label],
        registers,
        collect() {
          this.reset();
          for (const [of, value] of read()) this.labels(String(of)).set(value);
        },
      });
    },
    gaugeOf({ name, help, labels, read }) {
      new Gauge({
        ...{ name, help, labelNames: [...labels], registers },
        async collect() {
          const readings = await read();
          this.reset();
          for (const reading of readings) this.labels(...reading.labels).set(reading.value);
        },
      });
    },
    json: async () => new TextEncoder().encode(JSON.stringify(await registry.getMetricsAsJSON())),
  };
}

/** prom-client's counters only grow by a difference, so a total kept elsewhere replaces what was there. */
function countBy(
  registry: Registry,
  { name, help, label, read }: { name: string; help: string; label: string; read: () => Iterable<Labelled> },
): void {
  new Counter({
    name,
    help,
    labelNames: [label],
    registers: [registry],
    collect() {
      this.reset();
      for (const [of, total] of read()) this.labels(String(of)).inc(total);
    },
  });
}

/** Under the names that Prometheus dashboards know; prom-client's own set would add an event-loop timer of 10 ms. */
function processGauges(registry: Registry): void {
  new Gauge({
    name: 'process_resident_memory_bytes',
    help: 'Resident memory size in bytes.',
    registers: [registry],
    collect() {
      this.set(process.memoryUsage.rss());
    },
  });
  new Counter({
    name: 'process_cpu_seconds_total',
    help: 'User and system time in seconds.',
    registers: [registry],
    collect() {
      const { user, system } = process.cpuUsage();
      this.reset();
      this.inc((user + system) / 1e6);
    },
  });
}

/**
 * What the edge counts about itself, and both sides' metrics as one Prometheus text. The registry belongs to one edge:
 * nothing is global, so that a server and an edge can live in one process.
 */
import { AggregatorRegistry, Counter, Gauge, Histogram, type MetricObject, Registry } from 'prom-client';
import type { ErrorName } from '../protocol/errors.ts';
import { faultsOf, list, recordAtLeast, text } from '../protocol/shape.ts';

type MetricJson = MetricObject & { values: unknown[] };
export type Answered = { method: string; route: string; status: number; code: ErrorName | 'ABORTED'; seconds: number };

const SECONDS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5];
const metricsShape = list(recordAtLeast({ name: text({ lengthMin: 1, lengthMax: 256 }) }), { lengthMax: 10_000 });

export class EdgeMetrics {
  readonly #registry = new Registry();
  readonly #answers = new Counter({
    name: 'claimd_edge_answers_total',
    help: 'HTTP answers by route, status and code',
    labelNames: ['method', 'route', 'status', 'code'],
    registers: [this.#registry],
  });
  readonly #seconds = new Histogram({
    name: 'claimd_edge_answer_seconds',
    help: 'Time from the headers of a request to the end of its answer',
    labelNames: ['route'],
    buckets: SECONDS,
    registers: [this.#registry],
  });
  readonly #inFlight = new Gauge({
    name: 'claimd_edge_requests_in_flight',
    help: 'HTTP requests that are not answered yet',
    registers: [this.#registry],
  });
  readonly #serverUp = new Gauge({
    name: 'claimd_edge_server_up',
    help: '1 when a claim server gave its metrics for this answer, else 0',
    registers: [this.#registry],
  });

  readonly #liveSockets = new Gauge({
    name: 'claimd_edge_live_sockets',
    help: 'Open live sockets',
    registers: [this.#registry],
  });
  readonly #liveCloses = new Counter({
    name: 'claimd_edge_live_closes_total',
    help: 'Live sockets that ended, by why the edge closed them; PEER where it did not',
    labelNames: ['reason'],
    registers: [this.#registry],
  });
  readonly #liveOutcomes = new Counter({
    name: 'claimd_edge_live_outcomes_total',
    help: 'Outcomes of claims on live sockets by code',
    labelNames: ['code'],
    registers: [this.#registry],
  });

  begin(): void {
    this.#inFlight.inc();
  }

  end({ method, route, status, code, seconds }: Answered): void {
    this.#inFlight.dec();
    this.#answers.inc({ method, route, status, code });
    this.#seconds.observe({ route }, seconds);
  }

  liveSockets(count: number): void {
    this.#liveSockets.set(count);
  }

  liveClosed(reason: string): void {
    this.#liveCloses.inc({ reason });
  }

  liveOutcome(code: ErrorName): void {
    this.#liveOutcomes.inc({ code });
  }

  /** Prometheus text of the edge's metrics and the server's, which are null when it could not be asked. */
  async text(serverMetrics: Uint8Array | null): Promise<{ contentType: string; body: string }> {
    const theirs = serverMetrics === null ? null : metricsOf(serverMetrics);
    this.#serverUp.set(theirs === null ? 0 : 1);
    const ours = await this.#registry.getMetricsAsJSON();
    const merged = merge(theirs === null ? [ours] : [ours, theirs]) ?? merge([ours]) ?? this.#registry;
    return { contentType: merged.contentType, body: await merged.metrics() };
  }
}

/** Null when the document is not what a registry writes. */
function metricsOf(bytes: Uint8Array): MetricJson[] | null {
  try {
    const document: unknown = JSON.parse(new TextDecoder().decode(bytes));
    return faultsOf(metricsShape, document).length === 0 ? (document as MetricJson[]) : null;
  } catch {
    return null;
  }
}

/** Null when prom-client cannot make sense of a metric: a newer server must not take the edge's own figures away. */
function merge(parts: readonly object[]): Registry | null {
  try {
    return AggregatorRegistry.aggregate([...parts]);
  } catch {
    return null;
  }
}

/**
 * Well-behaved clients in a process of their own, because an attacker's own work must not count as waiting: they claim at a
 * steady rate and write down how long each answer took. Told by messages whom to ask, from when on it counts, and to end.
 */
import { type Client, connect } from '../../../clients/index.ts';
import type { WitnessOrder, WitnessReport } from './witness.ts';

const CLIENTS = 4;
const CLAIM_EVERY_MS = 5;
/** The same users again and again, so that this load makes nothing grow. */
const USERS = 500;

const codes: Record<string, number> = {};
let latenciesMs: number[] = [];
let asked = 0;

async function claim(clients: readonly Client[]): Promise<void> {
  const n = asked++;
  const userId = `honest${n % USERS}`;
  const client = clients[n % clients.length] as Client;
  const sentAtMs = performance.now();
  const { code } = await client.claim({ eventKey: 'open', userId, requestId: `honest-${userId}`, retry: 'never' });
  latenciesMs.push(performance.now() - sentAtMs);
  codes[code] = (codes[code] ?? 0) + 1;
}

function report(): WitnessReport {
  const sorted = latenciesMs.toSorted((one, other) => one - other);
  const latencyMsP99 = sorted[Math.ceil(sorted.length * 0.99) - 1] ?? Number.POSITIVE_INFINITY;
  return { claims: sorted.length, latencyMsP99, latencyMsMax: sorted.at(-1) ?? 0, codes };
}

process.on('message', async (order: WitnessOrder) => {
  if (order.kind === 'count') latenciesMs = [];
  if (order.kind === 'end') process.send?.(report(), () => process.exit(0));
  if (order.kind !== 'start') return;
  const { servers, service } = order;
  const options = { servers, serviceId: service.serviceId, serviceKey: service.key };
  const clients = await Promise.all(Array.from({ length: CLIENTS }, () => connect(options)));
  setInterval(() => void claim(clients), CLAIM_EVERY_MS);
});
process.on('disconnect', () => process.exit(0));
process.stdout.write('witness ready\n');

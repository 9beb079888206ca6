/**
 * The commands that stay: start, server and edge. Each prints its ready line when it accepts, runs until it is told to
 * stop, and finishes what it accepted; an edge goes before the server that it asks.
 */
import { createLog } from '../lib/log.ts';
import { realRuntime } from '../lib/runtime.ts';
import { demoLine } from './demo-line.ts';
import { startEdgePart } from './edge-part.ts';
import { openServiceKeys } from './keys.ts';
import type { Part } from './part.ts';
import type { Settings } from './read-settings.ts';
import { type ServerPart, startServerPart } from './server-part.ts';
import { addressText, reachable } from './setting-values.ts';
import { stopSignal } from './stop-signal.ts';
import { clientTls } from './tls-files.ts';

export async function runServer(settings: Settings): Promise<void> {
  const part = partOf(settings);
  const stop = stopSignal();
  const server = await startServerPart(settings, part);
  print(`claimd ready tcp=${addressText(server.tcp)} ${nameOf(server)}`);
  part.log.info({ signal: await stop }, 'draining');
  await server.drain();
}

export async function runEdge(settings: Settings): Promise<void> {
  const part = partOf(settings);
  const stop = stopSignal();
  const serviceKeys = await openServiceKeys({ given: settings.serviceKeys, data: settings.data, env: settings.env });
  const upstream = { servers: settings.server, serviceKeys, tls: await clientTls(settings) };
  const edge = await startEdgePart(settings, upstream, part);
  print(`claimd ready http=${addressText(edge.http)} server=${settings.server.map(addressText).join(',')}`);
  part.log.info({ signal: await stop }, 'draining');
  await edge.drain();
}

export async function runBoth(settings: Settings): Promise<void> {
  const part = partOf(settings);
  const stop = stopSignal();
  const server = await startServerPart(settings, part);
  try {
    const edge = await startOwnEdge(settings, server, part);
    print(`claimd ready tcp=${addressText(server.tcp)} http=${addressText(edge.http)} ${nameOf(server)}`);
    const line = await demoLine(settings, { server, http: edge.http, wallMs: part.runtime.wallMs() });
    if (line !== null) print(line);
    part.log.info({ signal: await stop }, 'draining');
    await edge.drain();
  } finally {
    await server.drain();
  }
}

/**
 * This process is both ends of that connection, so the certificate, which is made out to the name that others use, is
 * not compared with the loopback address; the server still proves that it holds the service key.
 */
async function startOwnEdge(settings: Settings, { tcp, serviceKeys }: ServerPart, part: Part) {
  const tls = await clientTls(settings);
  const ownTls = tls === undefined ? undefined : { ...tls, rejectUnauthorized: false };
  return startEdgePart(settings, { servers: [reachable(tcp)], serviceKeys, tls: ownTls }, part);
}

function partOf({ logLevel }: Settings): Part {
  return { runtime: realRuntime, log: createLog({ level: logLevel }) };
}

function nameOf({ store, nodeId }: ServerPart): string {
  return `store=${store.label} node=${nodeId}`;
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

/** A listener on a free port for the length of one test, with a handler that keeps what it gets. */
import { randomBytes } from 'node:crypto';
import { encodeFrame } from '../../../protocol/codec.ts';
import { type Frame, KIND } from '../../../protocol/frame.ts';
import { type VirtualTime, virtualTime } from '../../../protocol/testing/virtual-time.ts';
import { createLog } from '../../lib/log.ts';
import { parseServiceKeys, serviceKeysOf } from '../../session/service-keys.ts';
import { type Address, createListener, type Listener, type ListenerOptions } from '../listener.ts';
import type { Peer } from '../peer.ts';
import { SERVICE_ID, SERVICE_KEY } from './raw-client.ts';

export type Taken = { peer: Peer; frame: Frame };
export type Bench = {
  address: Address;
  listener: Listener;
  runtime: VirtualTime;
  /** Requests that the handler got and that nobody has answered. */
  taken: Taken[];
  closes(): Record<string, number>;
};

export const serviceKeys = serviceKeysOf(
  parseServiceKeys(`${SERVICE_ID}:${SERVICE_KEY.toString('base64')}:game`),
  randomBytes,
);

export function listenerOptions(parts: Pick<ListenerOptions, 'runtime' | 'handler'>): ListenerOptions {
  const identity = { clusterId: 'cluster-1', nodeId: 'node-1' };
  return { ...parts, identity, serviceKeys, log: createLog({ level: 'silent' }) };
}

/** Without a handler of its own a test finds its requests in `taken`. */
export async function withListener(
  options: Partial<ListenerOptions>,
  body: (bench: Bench) => Promise<void>,
): Promise<void> {
  const runtime = virtualTime();
  const taken: Taken[] = [];
  const handler = { request: (peer: Peer, frame: Frame) => taken.push({ peer, frame }) };
  const listener = createListener({ ...listenerOptions({ runtime, handler }), ...options });
  const address = await listener.listen({ host: '127.0.0.1', port: 0 });
  try {
    await body({ address, listener, runtime, taken, closes: () => Object.fromEntries(listener.stats().closes) });
  } finally {
    const closed = listener.close();
    await runtime.advance(2_000);
    await closed;
  }
}

/** Any reply to a request. */
export function answer({ peer, frame }: Taken, result: string | Uint8Array = 'done'): void {
  peer.reply(frame.number, encodeFrame(KIND.reply, frame.op, frame.number, [0, result, null]));
}

/** Resolves once the condition holds; the test's own deadline is its bound. */
export async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setImmediate(resolve));
}

/**
 * The keys of other issuers whose tokens edges accept: from a file or a URL, read again every few minutes, with limits of
 * time and size. The last good set stays in use; one that cannot be had at the start is empty, so that somebody else's
 * outage stops no server. What the keys may be used for is the edges' business.
 */
import { open } from 'node:fs/promises';
import type { Runtime } from '../../protocol/runtime.ts';
import type { TrustedIssuer } from '../identity.ts';
import type { Log } from '../lib/log.ts';
import { reasonOf } from '../lib/reason.ts';
import type { TrustSetting } from './setting-values.ts';

const READ_AGAIN_MS = 300_000;
const RETRY_MS = 10_000;
const FETCH_MS = 5_000;
const BYTES_MAX = 65_536;
const NONE = new TextEncoder().encode('{"keys":[]}');

export type TrustedIssuers = { issuers: TrustedIssuer[]; stop(): void };
type Options = { runtime: Runtime; log: Log };

/** Resolves when each has been tried once. */
export async function openTrustedIssuers(settings: readonly TrustSetting[], options: Options): Promise<TrustedIssuers> {
  const sources = settings.map((setting) => ({ setting, source: new JwksSource(setting, options) }));
  await Promise.all(sources.map(({ source }) => source.start()));
  return {
    issuers: sources.map(({ setting: { issuer, audience, userIdPrefix }, source }) => ({
      ...{ issuer, audience, userIdPrefix },
      jwks: () => source.current,
    })),
    stop() {
      for (const { source } of sources) source.stop();
    },
  };
}

class JwksSource {
  current: Uint8Array = NONE;
  readonly #setting: TrustSetting;
  readonly #options: Options;
  #cancel: () => void = () => {};
  #isStopped = false;

  constructor(setting: TrustSetting, options: Options) {
    this.#setting = setting;
    this.#options = options;
  }

  async start(): Promise<void> {
    const { runtime, log } = this.#options;
    const { issuer, jwks } = this.#setting;
    let nextMs = READ_AGAIN_MS;
    try {
      this.current = checked(await (/^https?:/.test(jwks) ? fetched(jwks) : readFrom(jwks)));
    } catch (error) {
      nextMs = RETRY_MS;
      log.warn({ issuer, reason: reasonOf(error) }, 'no keys of a trusted issuer');
    }
    if (!this.#isStopped) this.#cancel = runtime.after(nextMs, () => void this.start());
  }

  stop(): void {
    this.#isStopped = true;
    this.#cancel();
  }
}

/** A redirect would lead to keys that nobody configured. */
async function fetched(url: string): Promise<Uint8Array> {
  const response = await fetch(url, { signal: AbortSignal.timeout(FETCH_MS), redirect: 'error' });
  if (!response.ok || response.body === null) throw new Error(`status ${response.status}`);
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of response.body) {
    length += chunk.length;
    if (length > BYTES_MAX) throw new Error(`more than ${BYTES_MAX} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

async function readFrom(path: string): Promise<Uint8Array> {
  const file = await open(path);
  try {
    const { bytesRead, buffer } = await file.read(Buffer.alloc(BYTES_MAX + 1), 0, BYTES_MAX + 1, 0);
    if (bytesRead > BYTES_MAX) throw new Error(`more than ${BYTES_MAX} bytes`);
    return buffer.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}

function checked(bytes: Uint8Array): Uint8Array {
  const { keys } = JSON.parse(new TextDecoder().decode(bytes)) as { keys?: unknown };
  if (!Array.isArray(keys)) throw new Error('not a JWK set');
  return bytes;
}

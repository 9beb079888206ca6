/**
 * An edge on a real socket in front of a scripted protocol client: each test says what the server answers. The client
 * is our own interface, so nothing foreign is imitated; arguments are checked with the protocol's own shapes.
 */

import type { ConnectionChange } from '../../clients/closing.ts';
import type { ClaimJson, ProblemJson } from '../../clients/json.ts';
import type { Notice } from '../../clients/notices.ts';
import type { Listener } from '../../clients/pool.ts';
import { nodeRuntime } from '../../clients/runtime.ts';
import { decodeBody, encodeFrame, type Value, widen } from '../../protocol/codec.ts';
import type { EventView } from '../../protocol/event.ts';
import { KIND, PREFIX_BYTES } from '../../protocol/frame.ts';
import { type Args, OPS, type RequestName } from '../../protocol/ops.ts';
import type { Reply } from '../../protocol/reply.ts';
import type { Result } from '../../protocol/results.ts';
import { type Fault, faultsOf } from '../../protocol/shape.ts';
import { createEdge, type Edge, type EdgeClient, type EdgeOptions } from '../edge.ts';
import { type SigningKey, signingKey, type TokenParts, tokenKeys, tokenOf } from './tokens.ts';

type Handler<K extends RequestName> = (args: Args<K>) => Reply | Promise<Reply>;
export type Script = { [K in RequestName]?: Handler<K> } & {
  /** What the server says before it looks at what was asked; null when the caller may. */
  mayAsk?: (op: RequestName) => Reply | null;
};
export type Asked = { op: RequestName; args: unknown };
export type LogLine = { fields: object; message: string };

export type Bench = {
  /** As a server of this address tells it. */
  tell(notice: Notice): void;
  /** What becomes of a connection; none is told of before. */
  change(change: ConnectionChange): void;
  edge: Edge;
  origin: string;
  port: number;
  key: SigningKey;
  /** What the edge asked the server, in order; token keys and subscriptions left out. */
  asked: Asked[];
  log: LogLine[];
  /** Replaces the server's answers from now on. */
  script(script: Script): void;
  token(parts?: TokenParts): string;
  /** A request with a good token unless `authorization` is given. */
  call(path: string, init?: CallInit): Promise<Called>;
};
export type CallInit = { method?: string; headers?: Record<string, string>; body?: string; token?: string | null };
export type Operation = {
  operationId: string;
  responses: Record<string, { content?: Record<string, { schema: { $ref?: string } }> }>;
};
/** The members of every answer together: a test looks at those of the answer that it expects. */
type AnyBody = ProblemJson &
  EventView & {
    outcome: string;
    items: ClaimJson[];
    nextCursor: string | null;
    incomplete?: string[];
    asOf?: string | null;
    errors: Fault[];
    retryAfterMs: number;
  } & {
    ready: boolean;
    checks: Record<string, unknown>;
    keys: object[];
    openapi: string;
    paths: Record<string, Record<string, Operation>>;
    claim: ClaimJson;
  };
export type Called = { status: number; headers: Headers; text: string; json: AnyBody };

export function ok<K extends RequestName>(_op: K, result: Result<K>): Reply {
  return { code: 'OK', result };
}

export async function withEdge(
  given: { script?: Script } & Partial<Omit<EdgeOptions, 'client'>>,
  run: (bench: Bench) => Promise<void>,
): Promise<void> {
  const { script: first = {}, ...options } = given;
  const key = signingKey('k1');
  const asked: Asked[] = [];
  const log: LogLine[] = [];
  let script: Script = first;
  const listeners = new Set<Listener>();
  const client = scripted(asked, listeners, () => ({ TOKEN_KEYS: () => ok('TOKEN_KEYS', tokenKeys(key)), ...script }));
  const write = (fields: object, message: string) => void log.push({ fields, message });
  const edge = await createEdge({
    client,
    runtime: nodeRuntime,
    log: { info: write, warn: write, error: write },
    ...options,
  });
  try {
    const { port } = await edge.listen({ host: '127.0.0.1', port: 0 });
    const origin = `http://127.0.0.1:${port}`;
    const token = (parts: TokenParts = {}) => tokenOf(parts.key ?? key, parts);
    const call = (path: string, init: CallInit = {}) => callOnce(origin + path, { token: token(), ...init });
    const replace = (next: Script) => {
      script = next;
    };
    const tell = (notice: Notice) => {
      for (const listener of listeners) listener.onNotice(notice);
    };
    const change = (told: ConnectionChange) => {
      for (const listener of listeners) listener.onState(told);
    };
    const bench = { edge, origin, port, key, asked, log, token, call, script: replace, tell, change };
    await run(bench);
  } finally {
    await edge.close();
  }
}

/** What an edge asks by itself. */
const BACKGROUND: ReadonlySet<RequestName> = new Set(['TOKEN_KEYS', 'SUBSCRIBE', 'UNSUBSCRIBE']);

/** Arguments go through the codec and the op's own shape, as a server would read them. */
function scripted(asked: Asked[], listeners: Set<Listener>, script: () => Script): EdgeClient {
  return {
    isReady: true,
    listen(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    async request(op, sent) {
      const args = decodeBody(
        encodeFrame(KIND.request, OPS[op].op, 1, widen(sent) as readonly Value[]).subarray(PREFIX_BYTES),
      );
      if (!BACKGROUND.has(op)) asked.push({ op, args });
      const { mayAsk, [op]: found } = script();
      const refusal = BACKGROUND.has(op) ? null : (mayAsk?.(op) ?? null);
      if (refusal !== null) return refusal;
      const faults = faultsOf(OPS[op].args, args);
      if (faults.length > 0) return { code: 'BAD_REQUEST', faults };
      const handler = found as Handler<typeof op> | undefined;
      return handler === undefined
        ? { code: 'SERVER_UNAVAILABLE', retryAfterMs: 500 }
        : handler(args as Args<typeof op>);
    },
  };
}

async function callOnce(url: string, { token, headers = {}, ...init }: CallInit): Promise<Called> {
  const authorization: Record<string, string> = token === null ? {} : { authorization: `Bearer ${token}` };
  const response = await fetch(url, { ...init, headers: { ...authorization, ...headers } });
  const text = await response.text();
  const isJson = /json/.test(response.headers.get('content-type') ?? '');
  return {
    status: response.status,
    headers: response.headers,
    text,
    json: isJson && text !== '' ? JSON.parse(text) : null,
  };
}

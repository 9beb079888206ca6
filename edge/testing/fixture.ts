/**
 * An edge on a real socket in front of a scripted protocol client: each test says what the server answers. The client
 * is our own interface, so nothing foreign is imitated; arguments are checked with the protocol's own shapes.
 */
import type { ClaimJson, ProblemJson } from '../../clients/json.ts';
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
export type Script = { [K in RequestName]?: Handler<K> };
export type Asked = { op: RequestName; args: unknown };
export type LogLine = { fields: object; message: string };

export type Bench = {
  edge: Edge;
  origin: string;
  port: number;
  key: SigningKey;
  /** What the edge asked the server, in order; token keys left out. */
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
  responses: Record<string, { content: Record<string, { schema: { $ref?: string } }> }>;
};
/** The members of every answer together: a test looks at those of the answer that it expects. */
type AnyBody = ProblemJson &
  EventView & {
    outcome: string;
    items: ClaimJson[];
    nextCursor: string | null;
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
  const client = scripted(asked, () => ({ TOKEN_KEYS: () => ok('TOKEN_KEYS', tokenKeys(key)), ...script }));
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
    const bench = { edge, origin, port, key, asked, log, token, call, script: replace };
    await run(bench);
  } finally {
    await edge.close();
  }
}

/** Arguments go through the codec and the op's own shape, as a server would read them. */
function scripted(asked: Asked[], script: () => Script): EdgeClient {
  return {
    isReady: true,
    async request(op, sent) {
      const args = decodeBody(
        encodeFrame(KIND.request, OPS[op].op, 1, widen(sent) as readonly Value[]).subarray(PREFIX_BYTES),
      );
      const [fault] = faultsOf(OPS[op].args, args);
      if (fault !== undefined) throw new Error(`the edge sent ${op} with ${fault.field}: ${fault.rule}`);
      if (op !== 'TOKEN_KEYS') asked.push({ op, args });
      const handler = script()[op] as Handler<typeof op> | undefined;
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

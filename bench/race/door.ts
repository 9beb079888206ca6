/**
 * Two ways into claimd that answer in the same words: the TypeScript client over TCP, and plain HTTP. Neither tries twice:
 * the race wants to see every answer.
 */
import { Agent, request as httpRequest, type IncomingMessage } from 'node:http';
import { type Client, connect, ERRORS, type ErrorName } from '../../clients/index.ts';
import { accessTokenOf, signingKeyOf } from '../credentials/access-token.ts';
import type { ServiceCredential, TokenSigner } from '../credentials/data-folder.ts';
import type { Said, Won } from './attempt.ts';

export type Question = { eventKey: string; userId: string; requestId: string };
export type Door = {
  name: string;
  /** Never rejects. */
  ask(question: Question): Promise<Said>;
  close(): void;
};

const CONNECTIONS = 4;
const HTTP_SOCKETS_MAX = 256;
const DEADLINE_MS = 15_000;
const RETRY_MS = 200;

export type TcpDoor = Door & { client: Client };

/** Rejects when the server takes no connection. */
export async function openTcpDoor(server: string, { serviceId, key }: ServiceCredential): Promise<TcpDoor> {
  const limits = { connections: CONNECTIONS, queueLengthMax: 1_000_000, deadlineMs: DEADLINE_MS };
  const client = await connect({ servers: server, serviceId, serviceKey: key, clientName: 'claimd-race', ...limits });
  return {
    name: `tcp ${server}`,
    client,
    async ask(question) {
      const reply = await client.claim({ ...question, retry: 'never' });
      const hintMs = 'retryAfterMs' in reply ? reply.retryAfterMs : undefined;
      return saidOf(reply.code, { status: null, won: 'claim' in reply ? reply.claim : null, hintMs });
    },
    close: () => client.close(),
  };
}

export function openHttpDoor(url: string, signer: TokenSigner): Door {
  const agent = new Agent({ keepAlive: true, maxSockets: HTTP_SOCKETS_MAX });
  const key = signingKeyOf(signer);
  const tokens = new Map<string, string>();
  return {
    name: `http ${url}`,
    async ask({ eventKey, userId, requestId }) {
      const token = tokens.get(userId) ?? accessTokenOf(userId, key);
      tokens.set(userId, token);
      const headers = { authorization: `Bearer ${token}`, 'idempotency-key': requestId };
      try {
        return await posted(new URL(`/v1/events/${eventKey}/claims`, url), { agent, headers });
      } catch {
        // Whatever became of the connection, the claim may have been granted.
        return saidOf('NO_ANSWER', { status: null, won: null });
      }
    },
    close: () => agent.destroy(),
  };
}

/** Codes that the table lets a caller ask again, and answers that never came, may be asked again. */
function saidOf(
  code: string,
  { status, won, hintMs }: { status: number | null; won: Won | null; hintMs?: number | undefined },
): Said {
  const isAskedAgain = code === 'NO_ANSWER' || ERRORS[code as ErrorName]?.retry === 'sameId';
  const shown = won === null ? null : { requestId: won.requestId, grantedAt: won.grantedAt, slot: won.slot };
  return { code, status, won: shown, retryAfterMs: isAskedAgain ? (hintMs ?? RETRY_MS) : null };
}

type Post = { agent: Agent; headers: Record<string, string> };

function posted(url: URL, { agent, headers }: Post): Promise<Said> {
  return new Promise((resolve, reject) => {
    const options = { method: 'POST', agent, headers: { ...headers, 'content-length': 0 }, timeout: DEADLINE_MS };
    const request = httpRequest(url, options, (response) => {
      textOf(response).then((text) => resolve(readAnswer(response.statusCode ?? 0, text)), reject);
    });
    request.on('timeout', () => request.destroy(new Error('no answer in time')));
    request.on('error', reject);
    request.end();
  });
}

async function textOf(response: IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of response.setEncoding('utf8')) text += chunk;
  return text;
}

type Body = {
  outcome?: string;
  code?: string;
  retryAfterMs?: number;
  claim?: Omit<Won, 'grantedAt'> & { grantedAt: string };
};

/** An answer that is not claimd's keeps its status for a code, so that the race counts it as what it is. */
function readAnswer(status: number, text: string): Said {
  const body = jsonOf(text);
  const code = body.outcome ?? body.code ?? `HTTP_${status}`;
  const won = body.claim === undefined ? null : { ...body.claim, grantedAt: Date.parse(body.claim.grantedAt) };
  return saidOf(code, { status, won, hintMs: body.retryAfterMs });
}

function jsonOf(text: string): Body {
  try {
    return JSON.parse(text);
  } catch {
    return {};
  }
}

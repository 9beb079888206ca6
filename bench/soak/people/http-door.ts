/** One edge over kept connections, asked as a player's program asks it: no request is tried twice. */
import { Agent, request as httpRequest, type IncomingMessage } from 'node:http';
import type { SignedIn } from '../../../protocol/accounts.ts';

export type Ask = { token?: string; body?: unknown; headers?: Readonly<Record<string, string>> };
export type Said = {
  status: number;
  /** Of a problem; the empty text for a success, `NO_ANSWER` where there was none. */
  code: string;
  body: unknown;
  /** From asking to the whole answer, in milliseconds. */
  tookMs: number;
};
export type Person = { id: string; username: string; signedIn: SignedIn };

const SOCKETS_MAX = 512;
const ANSWER_MS_MAX = 15_000;
const PASSWORD = 'correct horse';

export class HttpDoor {
  /** `host:port`. */
  readonly address: string;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: SOCKETS_MAX });

  constructor(address: string) {
    this.address = address;
  }

  /** `line` is `METHOD /path`. Never rejects. */
  async ask(line: string, ask: Ask = {}): Promise<Said> {
    const askedAtMs = performance.now();
    const { status, text } = await this.#answer(line, ask).catch((error) => ({ status: 0, text: String(error) }));
    const body = jsonOf(text);
    const code = (body as { code?: unknown } | null)?.code;
    const problem = status === 0 ? 'NO_ANSWER' : String(code ?? `HTTP_${status}`);
    const isSuccess = status >= 200 && status < 300;
    return { status, code: isSuccess ? '' : problem, body, tookMs: performance.now() - askedAtMs };
  }

  async signUp(username: string): Promise<Person> {
    const body = await this.#done('POST /v1/auth/register', { username, password: PASSWORD });
    return { id: (body as { user: { id: string } }).user.id, username, signedIn: await this.signIn(username) };
  }

  async signIn(username: string, password = PASSWORD): Promise<SignedIn> {
    return (await this.#done('POST /v1/auth/login', { username, password, deviceId: 'phone' })) as SignedIn;
  }

  /** One attempt to sign in, however it is answered. */
  login(username: string, password = PASSWORD): Promise<Said> {
    return this.ask('POST /v1/auth/login', { body: { username, password, deviceId: 'phone' } });
  }

  close(): void {
    this.#agent.destroy();
  }

  async #done(line: string, body: unknown): Promise<unknown> {
    const said = await this.ask(line, { body });
    if (said.code !== '') throw new Error(`${line}: ${said.status} ${said.code}`);
    return said.body;
  }

  #answer(line: string, { token, body, headers = {} }: Ask): Promise<{ status: number; text: string }> {
    const [method, path = '/'] = line.split(' ', 2);
    const sent = body === undefined ? '' : JSON.stringify(body);
    const all = {
      ...headers,
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...(sent === '' ? {} : { 'content-type': 'application/json' }),
      'content-length': Buffer.byteLength(sent),
    };
    const url = new URL(path, `http://${this.address}`);
    return new Promise((resolve, reject) => {
      const options = { method, agent: this.#agent, headers: all, timeout: ANSWER_MS_MAX };
      const request = httpRequest(url, options, (response) => {
        textOf(response).then((text) => resolve({ status: response.statusCode ?? 0, text }), reject);
      });
      request.on('timeout', () => request.destroy(new Error('no answer in time')));
      request.on('error', reject);
      request.end(sent);
    });
  }
}

async function textOf(response: IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of response.setEncoding('utf8')) text += chunk;
  return text;
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

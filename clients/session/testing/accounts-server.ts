/**
 * A real HTTP server with the routes that a session uses and one rule of rotation: a refresh token gives its successor,
 * its predecessor the same one again. It forgets access tokens when the test says so, and loses replies.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { SignedIn } from '../../../protocol/accounts.ts';

const TIME = '2026-11-22T05:00:00.000Z';
export type Seen = { method: string; url: string; authorization: string | undefined; body: string };

export class AccountsServer {
  readonly seen: Seen[] = [];
  /** Replies to refresh that are cut: before a byte, or in the middle of the body. */
  losses: ('whole' | 'half')[] = [];
  /** In place of the answer to refresh: a status and a problem's code. */
  refusal: readonly [status: number, code: string] | null = null;
  /** When set, refreshes wait for it. */
  gate: Promise<void> = Promise.resolve();
  #generation = 0;
  #logins = 0;
  #areTokensGood = true;
  readonly #server = createServer((request, response) => void this.#answer(request, response));

  static async start(): Promise<AccountsServer> {
    const server = new AccountsServer();
    await new Promise<void>((resolve) => server.#server.listen(0, '127.0.0.1', resolve));
    return server;
  }

  get baseUrl(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  get refreshes(): number {
    return this.seen.filter(({ url }) => url === '/v1/auth/refresh').length;
  }

  /** As when ten minutes have passed. */
  endAccessTokens(): void {
    this.#areTokensGood = false;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let body = '';
    for await (const chunk of request) body += chunk;
    const { method = '', url = '', headers } = request;
    this.seen.push({ method, url, authorization: headers.authorization, body });
    if (url === '/v1/auth/login') return this.#login(JSON.parse(body), response);
    if (url === '/v1/auth/refresh') return this.#refresh(JSON.parse(body), response);
    if (headers.authorization !== `Bearer access-${this.#generation}` || !this.#areTokensGood) {
      return send(response, 401, { code: 'UNAUTHENTICATED', status: 401 });
    }
    if (url === '/v1/auth/password') return send(response, 401, { code: 'BAD_CREDENTIALS', status: 401 });
    if (url === '/v1/auth/logout') return send(response, 204, null);
    send(response, 200, { body });
  }

  #login({ password, deviceId, replaceSession }: Record<string, unknown>, response: ServerResponse): void {
    if (password !== 'right') return send(response, 401, { code: 'BAD_CREDENTIALS', status: 401 });
    this.#logins++;
    this.#areTokensGood = true;
    const isSecond = this.#logins > 1 && replaceSession !== true;
    send(response, 200, this.#signedIn(String(deviceId), isSecond ? null : `refresh-${this.#generation}`));
  }

  async #refresh({ refreshToken, deviceId }: Record<string, unknown>, response: ServerResponse): Promise<void> {
    await this.gate;
    if (this.refusal !== null)
      return send(response, this.refusal[0], { code: this.refusal[1], status: this.refusal[0] });
    const isCurrent = refreshToken === `refresh-${this.#generation}`;
    if (!isCurrent && refreshToken !== `refresh-${this.#generation - 1}`) {
      return send(response, 401, { code: 'SESSION_ENDED', status: 401 });
    }
    if (isCurrent) this.#generation++;
    this.#areTokensGood = true;
    const answer = this.#signedIn(String(deviceId), `refresh-${this.#generation}`);
    const loss = this.losses.shift();
    if (loss === 'whole') response.destroy();
    else if (loss === 'half') {
      const text = JSON.stringify(answer);
      response.writeHead(200, { 'content-type': 'application/json', 'content-length': text.length });
      response.write(text.slice(0, 40), () => response.destroy());
    } else send(response, 200, answer);
  }

  #signedIn(deviceId: string, refreshToken: string | null): SignedIn {
    return {
      accessToken: `access-${this.#generation}`,
      accessExpiresAt: TIME,
      refreshToken,
      refreshExpiresAt: refreshToken === null ? null : TIME,
      tokenType: 'Bearer',
      session: { id: 's1', deviceId, createdAt: TIME, lastUsedAt: TIME, expiresAt: TIME, userAgent: '' },
    };
  }
}

function send(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(body === null ? undefined : JSON.stringify(body));
}

/** A live socket as a player's program holds it, and a claim server's side of subscriptions. */
import { WebSocket } from 'ws';
import type { ConnectionChange } from '../../clients/closing.ts';
import { nodeRuntime } from '../../clients/runtime.ts';
import type { Args } from '../../protocol/ops.ts';
import type { Reply } from '../../protocol/reply.ts';
import type { Standing } from '../live/upstream.ts';
import { type Bench, ok } from './fixture.ts';
import type { TokenParts } from './tokens.ts';

type Message = { type: string; [member: string]: unknown };
export type Player = {
  socket: WebSocket;
  /** Resolves when the upgrade is done. */
  opened: Promise<void>;
  say(message: unknown): void;
  /** The next message that was not taken yet. Rejects when the socket closes before it comes. */
  next(): Promise<Message>;
  /** Everything that has come and was not taken. */
  left(): Message[];
  closed: Promise<number>;
};

export function playerAt(port: number): Player {
  const socket = new WebSocket(`ws://127.0.0.1:${port}/v1/live`, { perMessageDeflate: false });
  const messages: Message[] = [];
  let onMessage = () => {};
  socket.on('message', (data) => {
    messages.push(JSON.parse(data.toString()));
    onMessage();
  });
  socket.on('error', () => {});
  const closed = new Promise<number>((resolve) => socket.on('close', resolve));
  const opened = new Promise<void>((resolve, reject) => {
    socket.on('open', resolve);
    socket.on('error', reject);
  });
  opened.catch(() => {});
  async function next(): Promise<Message> {
    while (messages.length === 0) {
      const came = new Promise<void>((resolve) => {
        onMessage = resolve;
      });
      const code = await Promise.race([came, closed]);
      if (typeof code === 'number' && messages.length === 0) throw new Error(`closed with ${code}`);
    }
    return messages.shift() as Message;
  }
  return {
    socket,
    opened,
    say: (message) => socket.send(typeof message === 'string' ? message : JSON.stringify(message)),
    next,
    left: () => messages,
    closed,
  };
}

/** Signed in: `ready` has been taken. */
export async function readyPlayer(
  { port, token }: Pick<Bench, 'port' | 'token'>,
  events: string[] = [],
  parts: TokenParts = {},
): Promise<Player> {
  const player = playerAt(port);
  await player.opened;
  player.say({ type: 'hello', accessToken: token(parts), events });
  const { type } = await player.next();
  if (type !== 'ready') throw new Error(`${type} in place of ready`);
  return player;
}

export function readyServer(
  server: string,
  timeOriginMs: number = Date.now() - nodeRuntime.monotonicMs(),
): ConnectionChange {
  return { server, state: 'ready', nodeId: server, roles: ['edge'], timeOriginMs };
}

/** What SUBSCRIBE and UNSUBSCRIBE said, and answers with how the events stand. */
export function subscriptions(standings: readonly Standing[] = []) {
  const said: [op: string, events: readonly string[], users: readonly string[]][] = [];
  const keep = (op: string, [, events, users]: Args<'SUBSCRIBE'>) => {
    said.push([op, [...(events ?? [])].sort(), [...(users ?? [])].sort()]);
  };
  return {
    said,
    script: {
      SUBSCRIBE: (args: Args<'SUBSCRIBE'>): Reply => {
        keep('SUBSCRIBE', args);
        return ok('SUBSCRIBE', [standings.filter(([key]) => args[1]?.includes(key))]);
      },
      UNSUBSCRIBE: (args: Args<'UNSUBSCRIBE'>): Reply => {
        keep('UNSUBSCRIBE', args);
        return ok('UNSUBSCRIBE', null);
      },
    },
  };
}

/** Lets sockets and timers run until the condition holds; the test's own deadline ends a wait in vain. */
export async function eventually(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise<void>((resolve) => setImmediate(resolve));
}

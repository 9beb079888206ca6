/** claimd as it is run in earnest: the program itself, in processes of its own, reached only over its two doors. */
import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type Client, connect } from '../../clients/index.ts';
import type { EventInput } from '../../protocol/event.ts';
import { type Credentials, credentialsOf } from '../credentials/data-folder.ts';
import type { Target } from '../load/job.ts';
import { type Child, type Processes, script } from './child.ts';

const PROGRAM = 'server/bin/claimd.ts';
const SERVER_READY = /claimd ready tcp=(?<tcp>\S+)(?: http=(?<http>\S+))? store=\S+ node=\S+\n/;
const EDGE_READY = /claimd ready http=(?<http>\S+)/;

export type Claimd = {
  tcp: Target;
  /** Null when no edge runs. */
  http: Target | null;
  /** The folder with its keys. */
  data: string;
  credentials: Credentials;
  /** Processes that do its work; empty when they are not known. */
  pids: readonly number[];
  /** Removes its folder as well. */
  stop(): Promise<void>;
  /** kill -9 of all its processes; its folder stays. */
  kill(): Promise<void>;
};

export type ClaimdOptions = {
  /** `both` are one process, as `npm start` has them; `apart` are two. */
  parts: 'server' | 'both' | 'apart';
  /** Where its data folder is made. */
  folder: string;
  /** The data folder of one that was killed, to go on with it. */
  data?: string;
  /** A store of its own in the data folder when absent. */
  storeUri?: string;
  /** Further settings, `--flag` and value in turn. */
  settings?: readonly string[];
  cores?: string | undefined;
};

export async function startClaimd(processes: Processes, options: ClaimdOptions): Promise<Claimd> {
  const { parts, folder, storeUri, settings = [], cores } = options;
  const data = options.data ?? (await mkdtemp(join(folder, 'claimd-')));
  const common = ['--data', data, '--tcp', '127.0.0.1:0', '--http', '127.0.0.1:0', '--log-level', 'warn', ...settings];
  const store = ['--store', storeUri ?? `lmdb:${data}`];
  const children: Child[] = [];
  const start = async (command: string, ready: RegExp, args: readonly string[]) => {
    const program = script(PROGRAM, command, ...common, ...args);
    const child = await processes.start({ name: `claimd ${command}`, ...program, ready, cores });
    children.push(child);
    return child.ready;
  };
  const { tcp = '', http } = await start(parts === 'both' ? 'start' : 'server', SERVER_READY, store);
  const edge = parts === 'apart' ? await start('edge', EDGE_READY, ['--server', tcp]) : { http };
  return {
    tcp: targetOf(tcp),
    http: edge.http === undefined ? null : targetOf(edge.http),
    data,
    credentials: await credentialsOf(data),
    pids: children.map(({ pid }) => pid),
    async stop() {
      for (const child of [...children].reverse()) await child.stop();
      await rm(data, { recursive: true, force: true });
    },
    async kill() {
      for (const child of [...children].reverse()) await child.kill();
    },
  };
}

/** `host:port` of one. */
export function targetOf(address: string): Target {
  const [, host = '', port] = /^(?:\w+:\/\/)?\[?([^[\]]+?)\]?:(\d+)\/?$/.exec(address) ?? [];
  if (port === undefined) throw new Error(`${address} is not host:port`);
  return { host, port: Number(port) };
}

/** A client of it as a service; to be closed by whoever asked for it. */
export function clientOf({ tcp, credentials: { service } }: Pick<Claimd, 'tcp' | 'credentials'>): Promise<Client> {
  const servers = `${tcp.host}:${tcp.port}`;
  return connect({ servers, serviceId: service.serviceId, serviceKey: service.key });
}

/** Events that are always open and may be claimed once. */
export async function createEvents(
  { tcp, credentials }: Pick<Claimd, 'tcp' | 'credentials'>,
  eventKeys: readonly string[],
  fields: Partial<EventInput> = {},
): Promise<void> {
  const client = await clientOf({ tcp, credentials });
  try {
    for (const eventKey of eventKeys) {
      const rewards = [{ kind: 'currency', id: 'gold', amount: 100 }];
      const answer = await client.events.create({ eventKey, rewards, ...fields });
      if (answer.code !== 'OK') throw new Error(`event ${eventKey}: ${answer.code} ${answer.detail ?? ''}`);
    }
  } finally {
    client.close();
  }
}

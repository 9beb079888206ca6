/** A real MongoDB replica set of one or three members, where a mongod can be had. */
import { type Processes, script } from './child.ts';

export type Mongod = { version: string; uri(database: string): string; pids: readonly number[]; stop(): Promise<void> };

/** A sentence when there is no mongod here. */
export async function startMongod(processes: Processes, members: 1 | 3): Promise<Mongod | string> {
  const ready =
    /mongod ready version=(?<version>\S+) pids=(?<pids>\S+) uri=(?<uri>\S+)\n|mongod missing (?<reason>.*)\n/;
  const program = script('bench/testing/replica-set.ts', `${members}`);
  const child = await processes.start({ name: 'mongod', ...program, ready });
  const { uri, version = '', pids = '', reason } = child.ready;
  if (uri === undefined) return reason ?? 'no mongod';
  return {
    version,
    uri: (database) => uri.replace('DATABASE', database),
    pids: pids.split(',').map(Number),
    stop: () => child.stop(),
  };
}

/** Which shard decides: FNV-1a over the route key, whose bytes are ASCII. The same on every node and in every version. */
import { lockKeyOf } from '../../protocol/key.ts';

export function hashOf(key: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < key.length; i++) hash = Math.imul(hash ^ key.charCodeAt(i), 0x01000193);
  return hash >>> 0;
}

/** An event with stock is decided in one shard, strictly first come, first served; any other spreads over all by user. */
export function shardOf({ eventKey, userId, hasStock, shardCount }: ShardQuestion): number {
  return hashOf(hasStock ? eventKey : lockKeyOf(eventKey, userId)) % shardCount;
}

export type ShardQuestion = { eventKey: string; userId: string; hasStock: boolean; shardCount: number };

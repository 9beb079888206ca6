/** What a store says of itself: the format of its data and the cluster it belongs to, written once when it is made. */
import type { Runtime } from '../../../protocol/runtime.ts';
import { bytesOfSeed, drawSeed } from '../../lib/hash.ts';
import { StoreRefused } from '../store.ts';
import { type Meta, openMeta, type Root } from './environment.ts';
import { FORMAT } from './layout.ts';
import { INDEX_SEED } from './user-index.ts';

const CLUSTER_ID_BYTES = 12;

/** Rejects with StoreRefused for data of another version, before anything of it is touched. */
export async function identify(
  root: Root,
  { directory, runtime }: { directory: string; runtime: Pick<Runtime, 'wallMs' | 'randomBytes'> },
): Promise<{ clusterId: string }> {
  const meta = openMeta(root);
  const [format, clusterId] = [meta.get('format'), meta.get('clusterId')];
  if (format === undefined && clusterId === undefined) return create(root, meta, runtime);
  if (typeof format === 'number' && format > FORMAT) {
    throw new StoreRefused(
      `the data folder ${directory} has format ${format}, of a newer version; this version reads up to ${FORMAT}`,
    );
  }
  if (format === 1 || format === 2) {
    throw new StoreRefused(
      `the data folder ${directory} has format ${format}, from before the first release; this version reads format ${FORMAT}`,
    );
  }
  if (format !== FORMAT || typeof clusterId !== 'string') throw new Error('its description is damaged');
  return { clusterId };
}

async function create(
  root: Root,
  meta: Meta,
  runtime: Pick<Runtime, 'wallMs' | 'randomBytes'>,
): Promise<{ clusterId: string }> {
  const clusterId = Buffer.from(runtime.randomBytes(CLUSTER_ID_BYTES)).toString('hex');
  await root.childTransaction(() => {
    meta.putSync('format', FORMAT);
    meta.putSync('clusterId', clusterId);
    meta.putSync(INDEX_SEED, bytesOfSeed(drawSeed(runtime)).toString('hex'));
    meta.putSync('createdAt', Math.floor(runtime.wallMs()));
  });
  return { clusterId };
}

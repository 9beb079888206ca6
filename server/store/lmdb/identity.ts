/** What a store says of itself: the format of its data and the cluster it belongs to, written once when it is made. */
import type { Runtime } from '../../../protocol/runtime.ts';
import { StoreRefused } from '../store.ts';
import { type Meta, openMeta, openTables, type Root } from './environment.ts';
import { FORMAT } from './layout.ts';
import { makePeriods } from './periods.ts';

const CLUSTER_ID_BYTES = 12;

/** Brings older data up to date. Rejects with StoreRefused for data of a newer version, before anything of it is touched. */
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
  if ((format !== FORMAT && format !== 1) || typeof clusterId !== 'string') {
    throw new Error('its description is damaged');
  }
  if (format === 1) await upgrade(root, meta);
  return { clusterId };
}

/** Format 2 knows which periods have claims. One transaction: a crash leaves format 1. */
async function upgrade(root: Root, meta: Meta): Promise<void> {
  const tables = openTables(root);
  await root.childTransaction(() => {
    makePeriods(tables);
    meta.putSync('format', FORMAT);
  });
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
    meta.putSync('createdAt', Math.floor(runtime.wallMs()));
  });
  return { clusterId };
}

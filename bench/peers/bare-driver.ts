/**
 * The bare MongoDB driver as a process: 500 documents at once like those that claimd wrote, into a collection with the same
 * indexes, twice in flight; with several collections each 500 are dealt out over all of them. It takes a claim from claimd's
 * database as the pattern and makes the documents before its clock starts. Arguments: URI of claimd's database, number of
 * documents to warm up with, number of documents to measure, number of collections, URIs of empty databases for them in turn.
 */
import { type Collection, type Document, MongoClient } from 'mongodb';
import { newTag, requestIdOf, userIdOf } from '../load/ids.ts';

const INSERT_MAX = 500;
const IN_FLIGHT = 2;
const CLAIMS = 'user_events';
/** Times of grants grow as they do under load, because the order in which an index is filled is most of its cost. */
const GRANTS_PER_MS = 30;
const DURABLE = { writeConcern: { w: 'majority', journal: true } } as const;

type Pattern = { claim: Document; indexes: Parameters<Collection['createIndexes']>[0] };
/** What goes into each of the collections at once. */
type Batch = readonly (readonly Document[])[];

const [patternUri = '', warmUpText = '0', countText = '0', collectionsText = '1', ...uris] = process.argv.slice(2);
const pattern = await patternIn(patternUri);
const clients = await Promise.all(uris.map((uri) => MongoClient.connect(uri)));
const collections = await Promise.all(
  Array.from({ length: Number(collectionsText) }, (_, n) => collectionOf(clients[n % clients.length], n)),
);
await insertAll(batchesOf(Number(warmUpText)));
const batches = batchesOf(Number(countText));
const startedMs = performance.now();
await insertAll(batches);
const elapsedMs = performance.now() - startedMs;
const counts = await Promise.all(collections.map((collection) => collection.countDocuments({})));
await Promise.all(clients.map((client) => client.close()));
const stored = counts.reduce((sum, count) => sum + count, 0);
process.stdout.write(`driver done stored=${stored} ms=${elapsedMs}\n`);

async function patternIn(uri: string): Promise<Pattern> {
  const client = await MongoClient.connect(uri);
  const claims = client.db().collection(CLAIMS);
  const claim = await claims.findOne({});
  if (claim === null) throw new Error('there is no claim to take as a pattern');
  const found = (await claims.indexes()).filter(({ name }) => name !== '_id_');
  await client.close();
  return { claim, indexes: found.map(({ v: _, ...index }) => index as Pattern['indexes'][number]) };
}

async function collectionOf(client: MongoClient | undefined, n: number): Promise<Collection<Document>> {
  if (client === undefined) throw new Error('no URI to insert into');
  const name = n === 0 ? CLAIMS : `${CLAIMS}_${n}`;
  await client.db().createCollection(name);
  const collection: Collection<Document> = client.db().collection(name, DURABLE);
  await collection.createIndexes(pattern.indexes);
  return collection;
}

function batchesOf(count: number): Batch[] {
  const { claim } = pattern;
  const tag = newTag();
  const nowMs = Date.now();
  const documents = Array.from({ length: count }, (_, index) => {
    const userId = userIdOf(index, tag);
    const _id = `${claim.eventKey}/${claim.period}/${userId}`;
    const grantedAt = new Date(nowMs + index / GRANTS_PER_MS);
    return { ...claim, _id, userId, requestId: requestIdOf(index, tag), grantedAt };
  });
  const starts = Array.from({ length: Math.ceil(count / INSERT_MAX) }, (_, batch) => batch * INSERT_MAX);
  return starts.map((at) => dealt(documents.slice(at, at + INSERT_MAX)));
}

function dealt(documents: readonly Document[]): Batch {
  return collections.map((_, n) => documents.filter((__, index) => index % collections.length === n));
}

async function insertAll(waiting: Batch[]): Promise<void> {
  const insertSome = async () => {
    for (let batch = waiting.shift(); batch !== undefined; batch = waiting.shift()) {
      await Promise.all(batch.map((documents, n) => insert(collections[n], documents)));
    }
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, insertSome));
}

async function insert(collection: Collection<Document> | undefined, documents: readonly Document[]): Promise<void> {
  if (documents.length > 0) await collection?.insertMany([...documents], { ordered: false });
}

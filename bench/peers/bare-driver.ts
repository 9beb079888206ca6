/**
 * The bare MongoDB driver as a process: insertMany of 500 documents like those that claimd wrote, into a collection with the
 * same indexes, two commands in flight. It takes a claim from claimd's database as the pattern and makes the documents
 * before its clock starts. Arguments: URI of claimd's database, URI of an empty one, number of documents to warm up
 * with, number of documents to measure.
 */
import { type Collection, type Document, MongoClient } from 'mongodb';
import { newTag, requestIdOf, userIdOf } from '../load/ids.ts';

const INSERT_MAX = 500;
const IN_FLIGHT = 2;
const CLAIMS = 'user_events';
/** Times of grants grow as they do under load, because the order in which an index is filled is most of its cost. */
const GRANTS_PER_MS = 30;
const [patternUri = '', uri = '', warmUpText = '0', countText = '0'] = process.argv.slice(2);

const patternClient = await MongoClient.connect(patternUri);
const patterns = patternClient.db().collection(CLAIMS);
const pattern = await patterns.findOne({});
if (pattern === null) throw new Error('there is no claim to take as a pattern');
const indexes = (await patterns.indexes()).filter(({ name }) => name !== '_id_');
await patternClient.close();

const client = await MongoClient.connect(uri);
const claims: Collection<Document> = client.db().collection(CLAIMS, { writeConcern: { w: 'majority', journal: true } });
await client.db().createCollection(CLAIMS);
await claims.createIndexes(indexes.map(({ v: _, ...index }) => index as Parameters<typeof claims.createIndexes>[0][0]));

await insertAll(batchesOf(Number(warmUpText), pattern));
const batches = batchesOf(Number(countText), pattern);
const startedMs = performance.now();
await insertAll(batches);
const elapsedMs = performance.now() - startedMs;
const stored = await claims.countDocuments({});
await client.close();
process.stdout.write(`driver done stored=${stored} ms=${elapsedMs}\n`);

function batchesOf(count: number, claim: Document): Document[][] {
  const tag = newTag();
  const nowMs = Date.now();
  const documents = Array.from({ length: count }, (_, index) => {
    const userId = userIdOf(index, tag);
    const _id = `${claim.eventKey}/${claim.period}/${userId}`;
    const grantedAt = new Date(nowMs + index / GRANTS_PER_MS);
    return { ...claim, _id, userId, requestId: requestIdOf(index, tag), grantedAt };
  });
  const starts = Array.from({ length: Math.ceil(count / INSERT_MAX) }, (_, batch) => batch * INSERT_MAX);
  return starts.map((at) => documents.slice(at, at + INSERT_MAX));
}

async function insertAll(waiting: Document[][]): Promise<void> {
  const insertSome = async () => {
    for (let batch = waiting.shift(); batch !== undefined; batch = waiting.shift()) {
      await claims.insertMany(batch, { ordered: false });
    }
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, insertSome));
}

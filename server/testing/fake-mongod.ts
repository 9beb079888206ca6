/**
 * A server that speaks just enough of MongoDB's wire protocol (OP_MSG, and OP_QUERY for the first hello) for the real driver
 * to take it for the primary of a replica set. It keeps claims in a map and, told so, answers the next insert as a real
 * mongod does on its bad days. It is for error paths only: what a real mongod does when all is well is tested on one.
 */
import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { BSON, type Document, UUID } from 'mongodb';

const OP_REPLY = 1;
const OP_QUERY = 2004;
const OP_MSG = 2013;
const HEADER_BYTES = 16;

/** What goes wrong with one insert command. */
export type Fault = {
  /** The documents that are stored all the same; all when left out, none for `[]`. */
  stores?: readonly number[];
  /** The reply in place of the true one, or no reply: the connection ends, or nothing ever comes. */
  reply?: Document | 'end' | 'silence';
};

/** What the store finds when it opens. */
type Found = { indexes: readonly Document[]; meta: readonly Document[] };
type Answer = Document | 'end' | 'silence';

export class FakeMongod {
  /** The inserts and reads that arrived, in order. */
  readonly commands: Document[] = [];
  /** The claims that are stored, by `_id`. */
  readonly stored = new Map<string, Document>();
  readonly #found: Found;
  readonly #uuid = new UUID();
  readonly #faults: Fault[] = [];
  readonly #sockets = new Set<Socket>();
  readonly #server = createServer((socket) => this.#serve(socket));
  #address = '';

  constructor(found: Found) {
    this.#found = found;
  }

  async start(): Promise<this> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    const bound = this.#server.address();
    if (bound === null || typeof bound === 'string') throw new Error('no port');
    this.#address = `127.0.0.1:${bound.port}`;
    return this;
  }

  get uri(): string {
    return `mongodb://${this.#address}/fake?replicaSet=fake`;
  }

  /** Applies to the next inserts, one each. */
  fail(...faults: Fault[]): void {
    this.#faults.push(...faults);
  }

  /** Takes no more connections and ends those there are. */
  async stop(): Promise<void> {
    const closed = once(this.#server, 'close');
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  #serve(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on('close', () => this.#sockets.delete(socket)).on('error', () => {});
    onMessages(socket, (message) => {
      const answer = this.#answer(message.command);
      if (answer === 'end') socket.destroy();
      else if (answer !== 'silence') socket.write(encodeReply(message, { ok: 1, ...answer }));
    });
  }

  #answer(command: Document): Answer {
    const name = Object.keys(command)[0]?.toLowerCase();
    if (name === 'hello' || name === 'ismaster') return helloOf(this.#address);
    if (name === 'listcollections') {
      return cursor('$cmd', [{ name: 'user_events', type: 'collection', info: { uuid: this.#uuid } }]);
    }
    if (name === 'listindexes') return cursor('user_events', this.#found.indexes);
    if (name !== 'insert' && name !== 'find') return {};
    this.commands.push(command);
    return name === 'insert' ? this.#insert(command) : this.#find(command);
  }

  #insert({ documents }: Document): Answer {
    const { stores, reply } = this.#faults.shift() ?? {};
    const writeErrors: Document[] = [];
    documents.forEach((document: Document, index: number) => {
      if (this.stored.has(document._id)) writeErrors.push({ index, code: 11_000, errmsg: 'E11000 duplicate key' });
      else if (stores?.includes(index) ?? true) this.stored.set(document._id, document);
    });
    return reply ?? { n: documents.length - writeErrors.length, ...(writeErrors.length > 0 ? { writeErrors } : {}) };
  }

  #find({ find: collection, filter }: Document): Document {
    if (collection === 'meta') {
      const { $gte: from = filter._id, $lt: to = `${from}\0` } = filter._id;
      const records = this.#found.meta.filter(({ _id }) => _id >= from && _id < to);
      return cursor(
        collection,
        records.map((record) => ({ uuid: this.#uuid.toString(), ...record })),
      );
    }
    const matches = ({ _id, userId, requestId }: Document) =>
      filter._id?.$in.includes(_id) ??
      (filter.userId?.$in.includes(userId) && filter.requestId.$in.includes(requestId));
    return cursor(collection, [...this.stored.values()].filter(matches));
  }
}

function helloOf(address: string): Document {
  return {
    ...{ helloOk: true, ismaster: true, isWritablePrimary: true, setName: 'fake', setVersion: 1, hosts: [address] },
    ...{ primary: address, me: address, minWireVersion: 0, maxWireVersion: 17, logicalSessionTimeoutMinutes: 30 },
    ...{ maxBsonObjectSize: 16_777_216, maxMessageSizeBytes: 48_000_000, maxWriteBatchSize: 100_000 },
    localTime: new Date(),
  };
}

function cursor(collection: string, firstBatch: readonly Document[]): Document {
  return { cursor: { id: BSON.Long.ZERO, ns: `fake.${collection}`, firstBatch } };
}

type Message = { requestId: number; opCode: number; command: Document };

function onMessages(socket: Socket, take: (message: Message) => void): void {
  let waiting = Buffer.alloc(0);
  socket.on('data', (chunk) => {
    waiting = Buffer.concat([waiting, chunk]);
    while (waiting.length >= HEADER_BYTES && waiting.length >= waiting.readInt32LE(0)) {
      const length = waiting.readInt32LE(0);
      take(decodeMessage(waiting.subarray(0, length)));
      waiting = waiting.subarray(length);
    }
  });
}

/**
 * Header: length, request id, response to, op code. OP_MSG: flags, section kind 0, document, then sections of kind 1. OP_QUERY:
 * flags, name, skip, limit, document.
 */
function decodeMessage(message: Buffer): Message {
  const opCode = message.readInt32LE(12);
  const at = opCode === OP_QUERY ? message.indexOf(0, HEADER_BYTES + 4) + 1 + 8 : HEADER_BYTES + 5;
  const end = at + message.readInt32LE(at);
  const command = BSON.deserialize(message.subarray(at, end));
  if (opCode === OP_MSG) Object.assign(command, sequencesIn(message.subarray(end)));
  return { requestId: message.readInt32LE(4), opCode, command };
}

/** Fields of a command whose documents lie behind it, one section each: kind 1, length from here on, name, documents. */
function sequencesIn(sections: Buffer): Document {
  const fields: Document = {};
  for (let at = 0; at < sections.length; ) {
    const end = at + 1 + sections.readInt32LE(at + 1);
    const nameEnd = sections.indexOf(0, at + 5);
    const name = sections.toString('latin1', at + 5, nameEnd);
    const documents: Document[] = [];
    for (at = nameEnd + 1; at < end; at += sections.readInt32LE(at)) {
      documents.push(BSON.deserialize(sections.subarray(at, at + sections.readInt32LE(at))));
    }
    fields[name] = documents;
  }
  return fields;
}

function encodeReply({ requestId, opCode }: Message, document: Document): Buffer {
  const body = Buffer.from(BSON.serialize(document));
  // OP_REPLY: flags, cursor id (8), starting from, count. OP_MSG: flags, section kind.
  const fixed = Buffer.alloc(opCode === OP_QUERY ? 20 : 5);
  if (opCode === OP_QUERY) fixed.writeInt32LE(1, 16);
  const header = Buffer.alloc(HEADER_BYTES);
  header.writeInt32LE(HEADER_BYTES + fixed.length + body.length, 0);
  header.writeInt32LE(requestId, 8);
  header.writeInt32LE(opCode === OP_QUERY ? OP_REPLY : OP_MSG, 12);
  return Buffer.concat([header, fixed, body]);
}

import { readdirSync, readFileSync } from 'node:fs';
import { decodeBatch } from './batch.ts';
import { decodeClaim } from './claim.ts';
import { decodeBody, encodeFrame, type Value, widen } from './codec.ts';
import { ERRORS } from './errors.ts';
import { eventInputShape } from './event.ts';
import { FrameReader, KIND, ProtocolViolation } from './frame.ts';
import { LIMITS } from './limits.ts';
import { OPS, type RequestName } from './ops.ts';
import { decodeReady, readyTuple } from './ready.ts';
import { decodeReply, isSuccess, read } from './reply.ts';
import { RESULTS } from './results.ts';
import { BodyRefused } from './scan.ts';
import { type Fault, faultsOf, type Shape } from './shape.ts';
import { ACCEPTED } from './testing/accepted.ts';
import { batchAsked } from './testing/batch-vectors.ts';
import { assert, suite } from './testing/kit.ts';
import { REFUSED } from './testing/refused.ts';
import { bytesOfHex, fromJson, handshake, hexOf, NOW, toJson, VECTORS, type Vector } from './testing/vectors.ts';

const test = suite('vectors');
const folder = new URL('vectors/', import.meta.url);
const pinned = (name: string) => JSON.parse(readFileSync(new URL(`${name}.json`, folder), 'utf8'));

const frames: Vector[] = Object.keys(VECTORS).flatMap(pinned);

test('the pinned files are what the code makes', () => {
  const made = { ...VECTORS, ...REFUSED, accepted: ACCEPTED, proof: toJson(handshake) };
  assert.equal(
    readdirSync(folder).sort(),
    Object.keys(made)
      .map((name) => `${name}.json`)
      .sort(),
  );
  for (const [name, vectors] of Object.entries(made)) assert.equal(pinned(name), vectors, name);
});

for (const vector of frames) {
  test(`${vector.op} ${vector.kind}: ${vector.name}`, () => {
    const { kind, opNumber, number, hex } = vector;
    const body = fromJson(vector.body) as Value[];
    assert.is(hexOf(encodeFrame(KIND[kind], opNumber, number, widen(body) as Value[])), hex);

    const reader = new FrameReader(LIMITS.frameBytesMax);
    reader.push(bytesOfHex(hex));
    const frame = reader.next();
    assert.equal([frame?.kind, frame?.op, frame?.number], [KIND[kind], OPS[vector.op].op, number]);
    const decoded = decodeBody(frame?.body as Uint8Array);
    assert.equal(toJson(decoded), vector.body);
    checkMeaning(vector, decoded);
  });
}

function checkMeaning({ kind, op, outcome }: Vector, body: unknown): void {
  if (kind !== 'reply') {
    assert.equal(faultsOf(OPS[op].args, body), []);
    return;
  }
  const reply = decodeReply(body);
  assert.is(reply.code, outcome);
  const shape: Shape<unknown> = RESULTS[op as RequestName];
  if (isSuccess(reply)) read(shape, reply.result);
}

test('every op and every outcome of a claim has a vector', () => {
  const ops = new Set(frames.map(({ op }) => op));
  for (const op of Object.keys(OPS)) assert.ok(ops.has(op as Vector['op']), op);
  const outcomes = new Set(frames.filter(({ op }) => op === 'CLAIM').map(({ outcome }) => outcome));
  for (const [name, { code }] of Object.entries(ERRORS)) {
    // SERVER_UNAVAILABLE is what a client or an edge says of itself.
    const isClaims = code >= 1 && code <= 36;
    if (isClaims) assert.ok(outcomes.has(name as Vector['outcome']), name);
  }
});

test('READY and a claim read as what they mean', () => {
  const resultOf = (name: string) => (fromJson(frames.find((vector) => vector.name === name)?.body) as unknown[])[1];
  const ready = decodeReady(read(readyTuple, resultOf('READY')));
  const { frameBytesMax, inFlightFramesMax, inFlightClaimsMax, batchClaimsMax } = LIMITS;
  assert.equal(ready, {
    ...{ frameBytesMax, inFlightFramesMax, inFlightClaimsMax, batchClaimsMax },
    ...{ shardMapVersion: 1, serverProof: handshake.serverProof, serverTimeMs: NOW, roles: ['game'] },
  });
  const claim = decodeClaim(read(RESULTS.CLAIM, resultOf('GRANTED by a later server that appends fields')));
  assert.equal([claim.claimKey, claim.grantedAt, claim.nextClaimAt], ['welcome/-/u1', NOW, null]);
});

test('the entries of a batch read as what they mean', () => {
  const [vector] = frames.filter(({ entries }) => entries !== undefined);
  const [, result] = fromJson(vector?.body) as unknown[];
  const entries = decodeBatch(read(RESULTS.CLAIM_BATCH, result), batchAsked);
  assert.equal(JSON.parse(JSON.stringify(entries)), vector?.entries);
});

for (const { name, frameBytesMax, code, hex } of pinned('refused-frames')) {
  test(`a frame is refused: ${name}`, () => {
    const reader = new FrameReader(frameBytesMax);
    reader.push(bytesOfHex(hex));
    assert.throws(
      () => reader.next(),
      (error: unknown) => error instanceof ProtocolViolation && error.code === ERRORS[code as 'FRAME_TOO_LARGE'].code,
    );
  });
}

for (const { name, rule, hex } of pinned('refused-bodies')) {
  test(`a body is refused: ${name}`, () => {
    assert.throws(
      () => decodeBody(bytesOfHex(hex)),
      (error: unknown) => error instanceof BodyRefused && error.rule === rule,
    );
  });
}

/** What a server answers: an event is judged by itself, once it is known that its sender may write one. */
function faultsOfRequest(op: RequestName, args: unknown): Fault[] {
  const faults = faultsOf(OPS[op].args, args);
  return op === 'EVENT_CREATE' ? [...faults, ...faultsOf(eventInputShape, (args as unknown[])[1])] : faults;
}

for (const { name, op, field, hex } of pinned('refused-arguments')) {
  test(`arguments of ${op} are refused: ${name}`, () => {
    const faults = faultsOfRequest(op, decodeBody(bytesOfHex(hex)));
    assert.equal(
      faults.map((fault) => fault.field),
      [field],
    );
  });
}

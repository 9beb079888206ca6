/** Seeded: a failure prints its seed and round, with which the run can be had again. */
import { decodeBody, encodeFrame, widen } from './codec.ts';
import { errorName } from './errors.ts';
import { type Frame, FrameReader, ProtocolViolation } from './frame.ts';
import { LIMITS } from './limits.ts';
import { OPS, opName, type RequestName } from './ops.ts';
import { decodeReply, isSuccess, ReplyRefused, read } from './reply.ts';
import { RESULTS } from './results.ts';
import { BodyRefused, scanBody } from './scan.ts';
import { faultsOf, type Shape } from './shape.ts';
import { assert, suite } from './testing/kit.ts';
import { legalBody } from './testing/legal.ts';
import { type Chance, chanceOf } from './testing/random.ts';
import { bytesOfHex, hexOf, VECTORS } from './testing/vectors.ts';

const test = suite('fuzz');
const SEED = 20_261_122;
const golden = Object.values(VECTORS)
  .flat()
  .map(({ hex }) => bytesOfHex(hex));

/** Runs rounds with a seed each, so that one failing round can be run alone. */
function rounds(count: number, run: (chance: Chance) => void): void {
  for (let round = 0; round < count; round++) {
    try {
      run(chanceOf(SEED + round));
    } catch (error) {
      throw new Error(`seed ${SEED + round}: ${error instanceof Error ? error.stack : String(error)}`);
    }
  }
}

function assertPlain(value: unknown): void {
  if (value === null || typeof value === 'boolean' || typeof value === 'string') return;
  if (value instanceof Uint8Array || Number.isSafeInteger(value)) return;
  if (Array.isArray(value)) return value.forEach(assertPlain);
  assert.is(Object.getPrototypeOf(value), Object.prototype, `not plain: ${String(value)}`);
  Object.values(value as object).forEach(assertPlain);
}

type Tally = { frames: number; bodies: number; requests: number; replies: number; refused: number };

/** Everything a peer does with a frame. Only the declared errors may come out of it. */
function receive(frame: Frame, tally: Tally): void {
  tally.frames++;
  try {
    const body = decodeBody(frame.body);
    assertPlain(body);
    tally.bodies++;
    const op = opName(frame.op) ?? 'CLAIM';
    // Validators fill in what was left out, so this one gets a body of its own.
    if (faultsOf(OPS[op].args, decodeBody(frame.body)).length === 0) tally.requests++;
    const reply = decodeReply(body);
    const shape: Shape<unknown> | undefined = RESULTS[op as RequestName];
    if (isSuccess(reply) && shape !== undefined) read(shape, reply.result);
    tally.replies++;
  } catch (error) {
    if (!(error instanceof BodyRefused || error instanceof ReplyRefused)) throw error;
    tally.refused++;
  }
}

function receiveStream(stream: Uint8Array, chance: Chance, tally: Tally): void {
  const reader = new FrameReader(LIMITS.frameBytesMax);
  try {
    for (let at = 0; at < stream.length; ) {
      const end = Math.min(stream.length, at + 1 + chance.integer(chance.pick([3, 40, 4_000])));
      reader.push(stream.subarray(at, end));
      for (let frame = reader.next(); frame !== null; frame = reader.next()) receive(frame, tally);
      at = end;
    }
  } catch (error) {
    if (!(error instanceof ProtocolViolation)) throw error;
    assert.ok(['FRAME_TOO_LARGE', 'FRAME_MALFORMED'].includes(errorName(error.code) ?? ''));
  }
}

/** Flips, cuts, repeats and splices, mostly behind the prefix, so that the frame is still read as one. */
function mutated(bytes: Uint8Array, chance: Chance): Uint8Array {
  const changed = [...bytes];
  for (let i = chance.integer(4); i >= 0; i--) {
    const at = chance.fraction() < 0.9 ? 12 + chance.integer(changed.length - 12) : chance.integer(changed.length);
    const piece = chance.pick([chance.bytes(1 + chance.integer(6)), chance.pick(golden).subarray(12, 40)]);
    const removed = chance.pick([1, 1, 0, piece.length]);
    changed.splice(at, removed, ...piece.subarray(0, chance.pick([1, 1, piece.length])));
  }
  const frame = Uint8Array.from(changed);
  if (chance.fraction() < 0.9 && frame.length > 4) {
    new DataView(frame.buffer).setUint32(0, frame.length - 4);
  }
  return frame;
}

const none = (): Tally => ({ frames: 0, bodies: 0, requests: 0, replies: 0, refused: 0 });

test('random bytes: only the declared refusals', () => {
  rounds(3_000, (chance) => receiveStream(chance.bytes(chance.integer(200)), chance, none()));
});

test('random bodies in true frames: only the declared refusals', () => {
  const tally = none();
  rounds(6_000, (chance) => {
    const body = chance.bytes(1 + chance.integer(chance.pick([4, 30, 300])));
    // Most first bytes of nature end a body at once; an array gives the rest a chance.
    if (chance.fraction() < 0.8) body[0] = 0x90 + chance.integer(16);
    receive({ kind: 1, op: chance.integer(256), number: 0, body }, tally);
  });
  assert.ok(tally.bodies > 100, `only ${tally.bodies} were legal`);
});

test('mutated golden frames: only the declared refusals', () => {
  const tally = none();
  rounds(6_000, (chance) => {
    const stream = [mutated(chance.pick(golden), chance), chance.pick(golden), mutated(chance.pick(golden), chance)];
    receiveStream(Buffer.concat(stream), chance, tally);
  });
  const { frames, bodies, requests, replies, refused } = tally;
  assert.ok(bodies > 3_000 && requests > 500 && replies > 500 && refused > 1_000, JSON.stringify(tally));
  assert.is(frames, replies + refused);
});

test('everything that the spec calls legal is accepted and read as what it is', () => {
  rounds(4_000, (chance) => {
    const { value, bytes } = legalBody(chance);
    const body = Uint8Array.from(bytes);
    scanBody(body);
    assert.equal(plain(decodeBody(body)), plain(value));
    const again = encodeFrame(1, 1, 1, widen(value) as never).subarray(12);
    assert.equal(plain(decodeBody(again)), plain(value));
    assert.ok(again.length <= body.length, 'the encoder takes the shortest form');
  });
});

/** Bytes as hex: a Buffer and a Uint8Array of equal bytes are equal here. */
function plain(value: unknown): unknown {
  if (value instanceof Uint8Array) return hexOf(value);
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== 'object' || value === null) return value;
  return Object.entries(value).map(([key, inner]) => [key, plain(inner)]);
}

import { decodeBody, encodeFrame, type Value, wide } from './codec.ts';
import { ERRORS } from './errors.ts';
import { type Frame, FrameReader, KIND, PREFIX_BYTES, ProtocolViolation } from './frame.ts';
import { LIMITS } from './limits.ts';
import { assert, suite } from './testing/kit.ts';
import { bytesOfHex } from './testing/vectors.ts';

const test = suite('frame');

function drain(reader: FrameReader): Frame[] {
  const frames: Frame[] = [];
  for (let frame = reader.next(); frame !== null; frame = reader.next()) frames.push(frame);
  return frames;
}

function violation(run: () => unknown): number {
  try {
    run();
  } catch (error) {
    if (error instanceof ProtocolViolation) return error.code;
    throw error;
  }
  throw new Error('nothing was refused');
}

function claimFrame(number: number, ...more: Value[]): Uint8Array {
  return encodeFrame(KIND.request, 16, number, [null, 'welcome', wide(1_800_000_000_000), ...more]);
}

test('a frame split at every byte comes out whole', () => {
  const bytes = claimFrame(7);
  for (let cut = 1; cut < bytes.length; cut++) {
    const reader = new FrameReader(4096);
    reader.push(bytes.subarray(0, cut));
    assert.is(reader.next(), null);
    assert.ok(reader.isMidFrame);
    reader.push(bytes.subarray(cut));
    const frame = reader.next();
    assert.is(frame?.number, 7);
    assert.equal(decodeBody(frame?.body as Uint8Array), [null, 'welcome', 1_800_000_000_000]);
    assert.is(reader.next(), null);
    assert.not(reader.isMidFrame);
  }
});

test('frames dripped byte by byte come out one after the other', () => {
  const reader = new FrameReader(4096);
  const numbers: number[] = [];
  for (const number of [1, 2, 0xffffffff]) {
    for (const byte of claimFrame(number)) {
      reader.push(Uint8Array.of(byte));
      for (const frame of drain(reader)) numbers.push(frame.number);
    }
  }
  assert.equal(numbers, [1, 2, 0xffffffff]);
  assert.not(reader.isMidFrame);
});

test('one chunk holds many frames and the start of one more', () => {
  const frames = Array.from({ length: 500 }, (_, i) => claimFrame(i));
  const stream = Buffer.concat([...frames, claimFrame(500)]);
  const reader = new FrameReader(4096);
  reader.push(stream.subarray(0, -3));
  assert.equal(
    drain(reader).map(({ number }) => number),
    frames.map((_, i) => i),
  );
  assert.ok(reader.isMidFrame);
  reader.push(stream.subarray(-3));
  assert.is(reader.next()?.number, 500);
});

test('a frame over many chunks keeps its bytes while the next one arrives', () => {
  const sent = [1, 2, 3].map((fill) => claimFrame(fill, new Uint8Array(300_000).fill(fill)));
  const stream = Buffer.concat(sent);
  const reader = new FrameReader(LIMITS.frameBytesMax);
  const frames: Frame[] = [];
  for (let at = 0; at < stream.length; at += 65_536) {
    reader.push(stream.subarray(at, at + 65_536));
    frames.push(...drain(reader));
  }
  assert.is(frames.length, sent.length);
  for (const [i, { body }] of frames.entries()) {
    assert.ok(Buffer.from(body).equals(sent[i]?.subarray(PREFIX_BYTES) as Uint8Array), `frame ${i}`);
  }
});

test('a length of 4 GiB is refused with nothing allocated', () => {
  const announced = bytesOfHex('ffffffff');
  const readers = Array.from({ length: 1_000 }, () => new FrameReader(LIMITS.frameBytesMax));
  const before = process.memoryUsage().arrayBuffers;
  for (const reader of readers) {
    reader.push(announced);
    assert.is(
      violation(() => reader.next()),
      ERRORS.FRAME_TOO_LARGE.code,
    );
    assert.not(reader.isMidFrame);
  }
  assert.ok(process.memoryUsage().arrayBuffers - before < 65_536);
});

test('a length is judged with its fourth byte, however it comes', () => {
  const reader = new FrameReader(LIMITS.frameBytesMax);
  for (const byte of [0xff, 0xff, 0xff]) {
    reader.push(Uint8Array.of(byte));
    assert.is(reader.next(), null);
  }
  reader.push(Uint8Array.of(0xff));
  assert.is(
    violation(() => reader.next()),
    ERRORS.FRAME_TOO_LARGE.code,
  );
});

test('what is announced is not allocated before it comes', () => {
  const readers = Array.from({ length: 200 }, () => new FrameReader(LIMITS.frameBytesMax));
  const before = process.memoryUsage().arrayBuffers;
  for (const reader of readers) {
    reader.push(bytesOfHex('0010000001'));
    assert.is(reader.next(), null);
  }
  assert.ok(process.memoryUsage().arrayBuffers - before < readers.length * 8_192);
});

test('the largest frame is taken and one byte more is not', () => {
  const overhead = claimFrame(1, new Uint8Array(1_000)).length - 4 - 1_000;
  const bytes = claimFrame(1, new Uint8Array(4_096 - overhead));
  assert.is(bytes.length, 4 + 4_096);
  const reader = new FrameReader(4_096);
  reader.push(bytes);
  assert.is(reader.next()?.number, 1);
  const tighter = new FrameReader(4_095);
  tighter.push(bytes);
  assert.is(
    violation(() => tighter.next()),
    ERRORS.FRAME_TOO_LARGE.code,
  );
});

test('the limit that READY raises holds for the next frame of the same chunk', () => {
  const hello = claimFrame(1);
  const large = claimFrame(2, new Uint8Array(10_000));
  const reader = new FrameReader(LIMITS.frameBytesMaxBeforeReady);
  reader.push(Buffer.concat([hello, large]));
  assert.is(reader.next()?.number, 1);
  reader.frameBytesMax = LIMITS.frameBytesMax;
  assert.is(reader.next()?.number, 2);
});

test('a chunk must be drained before the next', () => {
  const reader = new FrameReader(4_096);
  reader.push(claimFrame(1));
  assert.throws(() => reader.push(claimFrame(2)), /drained/);
});

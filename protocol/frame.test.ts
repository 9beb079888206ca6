import { decodeBody, encodeFrame, wide } from './codec.ts';
import { FrameReader, KIND } from './frame.ts';
import { assert, suite } from './testing/kit.ts';

const test = suite('frame');

test('a frame split at every byte comes out whole', () => {
  const bytes = encodeFrame(KIND.request, 16, 7, [null, 'welcome', wide(1_800_000_000_000)]);
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

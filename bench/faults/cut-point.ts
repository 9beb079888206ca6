/**
 * Finds where in a stream a cut is due: after so many more whole frames and so many bytes more. It reads nothing but the
 * length fields, of which it may get half in one chunk and half in the next.
 */
const LENGTH_BYTES = 4;

/** With frames, what is left of the frame that is under way counts as the first. Bytes are counted after them. */
export type CutAfter = { frames?: number; bytes?: number };

/** Walks a stream of frames from its first byte. */
export class FrameWalk {
  #lengthBytes = 0;
  #length = 0;
  #bodyLeft = 0;

  /** True between two frames. */
  get isAtBoundary(): boolean {
    return this.#lengthBytes === 0;
  }

  /** Goes on to the end of the frame under way; the number of bytes that were taken from the chunk, at least 1. */
  step(chunk: Uint8Array, from: number): number {
    let at = from;
    while (this.#lengthBytes < LENGTH_BYTES) {
      if (at === chunk.length) return at - from;
      this.#length = this.#length * 256 + (chunk[at++] as number);
      if (++this.#lengthBytes === LENGTH_BYTES) this.#bodyLeft = this.#length;
    }
    const taken = Math.min(this.#bodyLeft, chunk.length - at);
    this.#bodyLeft -= taken;
    if (this.#bodyLeft === 0) this.#lengthBytes = this.#length = 0;
    return at - from + taken;
  }
}

export class CutPoint {
  #framesLeft: number;
  #bytesLeft: number;

  constructor({ frames = 0, bytes = 0 }: CutAfter) {
    this.#framesLeft = frames;
    this.#bytesLeft = bytes;
  }

  /** How many bytes of the chunk may still pass, and whether the cut comes then. Leaves the walk after these bytes. */
  passing(chunk: Uint8Array, walk: FrameWalk): { bytes: number; isDue: boolean } {
    let at = 0;
    while (this.#framesLeft > 0 && at < chunk.length) {
      at += walk.step(chunk, at);
      if (walk.isAtBoundary) this.#framesLeft--;
    }
    if (this.#framesLeft > 0) return { bytes: at, isDue: false };
    const more = Math.min(this.#bytesLeft, chunk.length - at);
    this.#bytesLeft -= more;
    for (let end = at + more; at < end; ) at += walk.step(chunk.subarray(0, end), at);
    return { bytes: at, isDue: this.#bytesLeft === 0 };
  }
}

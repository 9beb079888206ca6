import { decodeBody, encodeBody, type Value } from '../../protocol/codec.ts';
import { type Args, OPS } from '../../protocol/ops.ts';
import { faultsOf } from '../../protocol/shape.ts';
import { assert, suite } from '../../protocol/testing/kit.ts';
import { type Chance, chanceOf } from '../../protocol/testing/random.ts';
import { ClaimBody } from './claim-body.ts';

const test = suite('claim body');

type Read = { eventKey: string; userId: string; requestId: string | null; deadlineMs: number | null };
const claimBody = new ClaimBody();

function readByHand(body: Uint8Array): Read | null {
  // Among other bytes, which must not matter.
  const among = Buffer.concat([Buffer.of(0xc0, 0x01), body, Buffer.of(0xc0, 0x41, 0x41)]);
  if (!claimBody.read(among, 2, 2 + body.length)) return null;
  const { eventKey, userId, requestId, deadlineMs, bytes, userAt, userEnd } = claimBody;
  // The journal takes the bytes as they are, so equal ids must be equal bytes.
  assert.equal(Buffer.from(bytes.subarray(userAt, userEnd)), Buffer.from(encodeBody([userId])).subarray(1));
  return { eventKey, userId, requestId, deadlineMs };
}

/** What the general way makes of a body; null when it refuses it. */
function readGenerally(body: Uint8Array): Read | null {
  let args: unknown;
  try {
    args = decodeBody(body);
  } catch {
    return null;
  }
  if (faultsOf(OPS.CLAIM.args, args).length > 0) return null;
  const [actor, eventKey, userId, requestId, deadlineMs] = args as Args<'CLAIM'>;
  return actor !== null || userId === null ? null : { eventKey, userId, requestId, deadlineMs };
}

const ALPHABET = 'ABCXYZabcxyz0189._:-';
const BEYOND = ' /!~\u007f\u00e9#';

function text(chance: Chance, lengthMax: number): string {
  const length = chance.integer(8) === 0 ? chance.integer(lengthMax + 3) : 1 + chance.integer(40);
  const alphabet = chance.integer(12) === 0 ? ALPHABET + BEYOND : ALPHABET;
  return Array.from({ length }, () => alphabet[chance.integer(alphabet.length)]).join('');
}

function bodyOf(chance: Chance): Uint8Array {
  const fields: Value[] = [
    null,
    text(chance, 64),
    text(chance, 128),
    chance.integer(4) === 0 ? null : text(chance, 128),
    chance.pick<Value>([null, null, 0, 1, 100, 127, 128, 255, 256, 5_000, 30_000, 30_001, 70_000]),
  ];
  return encodeBody(chance.integer(3) === 0 ? fields.slice(0, 4) : fields);
}

test('reads what the general way reads, whenever it reads at all', () => {
  const chance = chanceOf(20_260_518);
  let read = 0;
  let mutated = 0;
  for (let i = 0; i < 20_000; i++) {
    const body = Uint8Array.from(bodyOf(chance));
    if (chance.integer(2) === 0) {
      body[chance.integer(body.length)] = chance.integer(256);
      mutated++;
    }
    const cut = chance.integer(10) === 0 ? body.subarray(0, chance.integer(body.length)) : body;
    const byHand = readByHand(cut);
    if (byHand === null) continue;
    read++;
    assert.equal(byHand, readGenerally(cut), `seed ${chance.seed}, body ${Buffer.from(cut).toString('hex')}`);
  }
  assert.ok(read > 3_000 && mutated > 3_000, `${read} read, ${mutated} mutated`);
});

test('the bodies that clients send are all read by hand', () => {
  const claims: Value[][] = [
    [null, 'welcome', 'u1', '3f1b0a52-7c1e-4d0e-9d25-0d5a6f0f3c11', null],
    [null, 'welcome', 'u1', '3f1b0a52-7c1e-4d0e-9d25-0d5a6f0f3c11', 4_900],
    [null, 'welcome', 'u1', null],
    [null, 'x'.repeat(64), 'y'.repeat(128), 'z'.repeat(128), 30_000],
  ];
  for (const claim of claims) assert.equal(readByHand(encodeBody(claim)), readGenerally(encodeBody(claim)));
});

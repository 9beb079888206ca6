import { decodeBody, encodeBody, type Value } from '../../protocol/codec.ts';
import { type Args, OPS } from '../../protocol/ops.ts';
import { faultsOf } from '../../protocol/shape.ts';
import { assert, suite } from '../../protocol/testing/kit.ts';
import { type Chance, chanceOf } from '../../protocol/testing/random.ts';
import { type ClaimBody, readClaimBody } from './claim-body.ts';

const test = suite('claim body');

/** What the general way makes of a body; null when it refuses it. */
function readGenerally(body: Uint8Array): ClaimBody | null {
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
    const byHand = readClaimBody(cut);
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
  for (const claim of claims) assert.equal(readClaimBody(encodeBody(claim)), readGenerally(encodeBody(claim)));
});

/** Bytes written by hand are those of the driver's own serializer, whatever a draft holds. */
import { BSON } from 'mongodb';
import { assert, suite } from '../../../protocol/testing/kit.ts';
import { type Chance, chanceOf } from '../../../protocol/testing/random.ts';
import type { ClaimDraft } from '../store.ts';
import { createDraft } from '../testing/fixtures.ts';
import { packedClaims } from './packed-claims.ts';
import { documentOfClaim } from './schema.ts';

const test = suite('mongo packed claims');

const REWARDS = [
  [],
  [{ kind: 'currency', id: 'gold', amount: 100 }],
  [{ kind: 'item', id: 'schwert', amount: 2 ** 40 }],
];
const TIMES = [0, 1, 2 ** 31, 2 ** 32 - 1, 2 ** 32, 1_795_348_800_123, 8_640_000_000_000_000, -1];
const VERSIONS = [0, 1, 2 ** 31 - 1, 2 ** 31, Number.MAX_SAFE_INTEGER];
const SLOTS = [null, 1, 1_000, 2 ** 31 - 2, 2 ** 31 - 1, 2 ** 32];
const DELIVERIES = [
  { state: 'PENDING', attempts: 0, fulfilledAt: null },
  { state: 'PENDING', attempts: 3, fulfilledAt: null },
  { state: 'FULFILLED', attempts: 1, fulfilledAt: 1_795_348_800_123 },
] as const;

function bytesOf(drafts: readonly ClaimDraft[], firstSlot: number | null): Buffer {
  const slotOf = (index: number) => (firstSlot === null ? null : firstSlot + index);
  return Buffer.concat(drafts.map((draft, index) => BSON.serialize(documentOfClaim(draft, slotOf(index)))));
}

/** Mostly what players send, now and then what none of them can: long, empty, beyond ASCII or Latin 1. */
function textOf(chance: Chance): string {
  const characters = chance.integer(10) > 0 ? 'abcXYZ019._:-/' : 'a\0\u007f\u0080\u00ff\u0100\ud83d\ude00\ud800';
  const length = chance.integer(20) > 0 ? chance.integer(60) : chance.integer(3_000);
  return Array.from({ length }, () => characters[chance.integer(characters.length)]).join('');
}

test('every draft becomes the document that the driver would make of it', () => {
  const chance = chanceOf(Number(process.env.SEED ?? Date.now() % 1_000_000));
  for (let round = 0; round < 300; round++) {
    const draft = createDraft();
    const series = { eventKey: textOf(chance), period: chance.pick(['-', '20260518']), rewards: chance.pick(REWARDS) };
    const drafts = Array.from({ length: chance.integer(20) }, () => ({
      ...draft(chance.integer(5) === 0 ? {} : series),
      claimKey: textOf(chance),
      userId: textOf(chance),
      requestId: textOf(chance),
      attempt: textOf(chance),
      grantedAt: chance.pick(TIMES),
      configVersion: chance.integer(3) === 0 ? chance.pick(VERSIONS) : 1,
      delivery: chance.pick(DELIVERIES),
    }));
    const firstSlot = chance.pick(SLOTS);
    const packed = packedClaims(drafts, firstSlot);
    assert.is(packed.count, drafts.length);
    const isSame = bytesOf(drafts, firstSlot).equals(packed.bytes);
    assert.ok(isSame, `seed ${chance.seed}, round ${round}`);
  }
});

test('the claims of several events and versions stand in the order of their drafts', () => {
  const draft = createDraft();
  const rewards = REWARDS[1] ?? [];
  const drafts = [
    draft({ rewards }),
    draft({ rewards }),
    draft({ rewards, eventKey: 'winter' }),
    draft({ rewards, period: '20260518' }),
    draft({ rewards, configVersion: 2 }),
    draft({ rewards: [] }),
    draft({ rewards }),
  ];
  assert.ok(bytesOf(drafts, 5).equals(packedClaims(drafts, 5).bytes));
});

import type { BlockView, blockTuple } from '../../protocol/journal.ts';
import type { TypeOf } from '../../protocol/shape.ts';
import { assert, suite } from '../../protocol/testing/kit.ts';
import type { Answer, Call } from './call.ts';
import { createJournalHandlers, type ReadableJournal } from './journal-handlers.ts';

const test = suite('journal handlers');

function blockAt(offset: number, fields: Partial<BlockView> = {}): BlockView {
  return {
    ...{ offset, bytes: 120, kind: 'claims', origin: 'n.b', sequence: 1, closedAt: 1, crc: 2, previous: 3 },
    ...{ firstAttempt: 1, series: [], claims: [] },
    ...fields,
  };
}

function journalOf(blocks: readonly BlockView[]): ReadableJournal {
  return {
    away: () => null,
    blocks: async ({ after, limit }) => blocks.filter(({ offset }) => offset > (after ?? -1)).slice(0, limit),
  };
}

async function ask(journal: ReadableJournal | undefined, after: number | null = null, limit: number | null = null) {
  const handler = createJournalHandlers({ journal }).JOURNAL_BLOCKS;
  const answer: Answer = await handler({ args: [null, after, limit] } as unknown as Call<'JOURNAL_BLOCKS'>);
  if ('code' in answer) return answer;
  const [blocks, next] = answer.result as unknown as [TypeOf<typeof blockTuple>[], number | bigint | null];
  return { offsets: blocks.map(([offset]) => Number(offset)), next: next === null ? null : Number(next) };
}

test('pages lead from one to the next, and the last says so', async () => {
  const journal = journalOf([8, 16, 2 ** 34, 2 ** 34 + 8].map((offset) => blockAt(offset)));
  assert.equal(await ask(journal, null, 3), { offsets: [8, 16, 2 ** 34], next: 2 ** 34 });
  assert.equal(await ask(journal, 2 ** 34, 3), { offsets: [2 ** 34 + 8], next: null });
  assert.equal(await ask(journal, 2 ** 34 + 8), { offsets: [], next: null });
  assert.equal(await ask(journal), { offsets: [8, 16, 2 ** 34, 2 ** 34 + 8], next: null });
});

test('a page holds as many blocks as fit into a reply', async () => {
  const claim = { series: 0, slot: null, grantedAt: 1, userId: 'u', requestId: 'r' };
  const full = (offset: number, count: number) =>
    blockAt(offset, { bytes: 262_144, claims: Array.from({ length: count }, () => claim) });
  const many = journalOf([full(8, 8_190), full(16, 8_190), full(24, 10)]);
  assert.equal(await ask(many), { offsets: [8], next: 8 });
  assert.equal(await ask(many, 8), { offsets: [16, 24], next: null });
  const large = journalOf([8, 16, 24, 32, 40].map((offset) => full(offset, 900)));
  assert.equal(await ask(large), { offsets: [8, 16, 24], next: 24 });
  assert.equal(await ask(large, 24), { offsets: [32, 40], next: null });
});

test('a block that no reply can hold is named', async () => {
  const rewards = Array.from({ length: 32 }, () => ({ kind: 'k', id: 'i', amount: 1 }));
  const series = Array.from({ length: 600 }, (_, i) => ({ eventKey: `e${i}`, period: '-', configVersion: 1, rewards }));
  assert.equal(await ask(journalOf([blockAt(8, { series })])), {
    code: 'PAYLOAD_TOO_LARGE',
    detail: 'the block at 8 fits into no reply',
  });
});

test('no journal is NOT_FOUND, one that is written elsewhere MOVED', async () => {
  assert.equal(await ask(undefined), { code: 'NOT_FOUND', detail: 'this store has no journal' });
  const moved = { code: 'MOVED', address: '127.0.0.1:1', mapVersion: 1 } as const;
  assert.equal(await ask({ ...journalOf([]), away: () => moved }), moved);
});

import { assert, suite } from '../../protocol/testing/kit.ts';
import { chanceOf } from '../../protocol/testing/random.ts';
import { EventConfig } from '../events/configs.ts';
import { Ask } from '../journal/ask.ts';
import { Entries, type Entry } from '../journal/entries.ts';
import type { ClaimedCode } from '../journal/receiver.ts';
import { Windows } from '../journal/windows.ts';
import { spanAt } from '../rules/calendar.ts';
import { nextClaimAfter } from '../rules/decide.ts';
import { eventRecord } from '../shard/testing/bench.ts';
import { recordAt } from '../store/block/reader.ts';
import { BlockWriter } from '../store/block/writer.ts';
import type { EventRecord } from '../store/store.ts';
import { claimReply } from './claim-reply.ts';
import { sendJournalReply } from './journal-reply.ts';

const test = suite('journal reply');

/** Behind other replies that wait for the same flush. */
const BEHIND = 40;

function journalReply(number: number, code: ClaimedCode, ring: Buffer, index: number, entry: Entry): Buffer {
  const outgoing = Buffer.alloc(16_384, 0xee);
  let bytes = 0;
  function reserve(_number: number, reserved: number): number {
    bytes = reserved;
    return BEHIND;
  }
  sendJournalReply({ outgoing, reserve }, number, code, ring, index, entry);
  return outgoing.subarray(BEHIND, BEHIND + bytes);
}

const NOW = Date.parse('2026-05-18T12:00:00Z');
const EVENTS: readonly EventRecord[] = [
  eventRecord(),
  eventRecord({ period: 'daily', rewards: [{ kind: 'currency', id: 'gold', amount: 2 ** 40 }], configVersion: 70_000 }),
  eventRecord({ eventKey: 'x'.repeat(64), period: 'weekly', endsAt: NOW + 1_000, configVersion: 200, stock: 5 }),
];
const CODES: readonly ClaimedCode[] = ['GRANTED', 'REPLAYED', 'ALREADY_CLAIMED'];

test('is byte for byte what the general way encodes', () => {
  const chance = chanceOf(20_261_122);
  const ring = Buffer.alloc(262_144);
  const writer = new BlockWriter(ring);
  const ask = new Ask();
  for (const event of EVENTS) {
    const config = new EventConfig(event.eventKey);
    config.accept(event, 0);
    const span = spanAt(event, NOW);
    const window = new Windows().open(event.eventKey, span.id);
    const entry = new Entries().make(window, { config, event, span });
    writer.begin(0, { origin: 'n.b', sequence: 1, offset: 4_096, firstAttempt: 1, previous: 0 });
    writer.addSeries(entry.id, entry.body);
    for (const slot of [0, 1, 127, 128, 255, 256, 65_535, 65_536, 1_000_000_000]) {
      for (const code of CODES) {
        ask.write('u'.repeat(1 + chance.integer(128)), 'r'.repeat(1 + chance.integer(128)));
        const { bytes, userAt, userEnd, requestBytes, requestAt, requestEnd } = ask;
        const at = writer.addClaim(entry.id, slot, NOW, bytes, userAt, userEnd, requestBytes, requestAt, requestEnd);
        const claim = recordAt(ring, at, entry.series, '');
        const number = chance.integer(2 ** 32);
        const expected = claimReply(number, { code, claim, nextClaimAt: nextClaimAfter(claim, event, span) });
        assert.is(journalReply(number, code, ring, at, entry).toString('hex'), Buffer.from(expected).toString('hex'));
      }
    }
  }
});

test('what an operator has changed since shows in the next reply', () => {
  const config = new EventConfig('summer');
  const event = eventRecord({ period: 'daily' });
  config.accept(event, 0);
  const span = spanAt(event, NOW);
  const entry = new Entries().make(new Windows().open('summer', span.id), { config, event, span });
  const ring = Buffer.alloc(4_096);
  const writer = new BlockWriter(ring);
  writer.begin(0, { origin: 'n.b', sequence: 1, offset: 4_096, firstAttempt: 1, previous: 0 });
  const { bytes, userAt, userEnd, requestAt, requestEnd } = new Ask().write('u1', 'r1');
  const at = writer.addClaim(entry.id, 0, NOW, bytes, userAt, userEnd, bytes, requestAt, requestEnd);
  const claim = recordAt(ring, at, entry.series, '');
  journalReply(1, 'ALREADY_CLAIMED', ring, at, entry);
  config.accept({ ...event, endsAt: NOW + 1_000, revision: 2 }, 1);
  const expected = claimReply(1, { code: 'ALREADY_CLAIMED', claim, nextClaimAt: null });
  assert.is(journalReply(1, 'ALREADY_CLAIMED', ring, at, entry).toString('hex'), Buffer.from(expected).toString('hex'));
});

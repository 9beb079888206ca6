import { assert, suite } from '../../protocol/testing/kit.ts';
import type { ClaimRecord, EventRecord } from '../store/store.ts';
import { spanAt } from './calendar.ts';
import { claimInstant, decide, type Known, nextClaimAfter } from './decide.ts';

const test = suite('rules');

const START = Date.parse('2026-05-18T00:00:00Z');
const END = Date.parse('2026-05-20T00:00:00Z');

function eventOf(fields: string): EventRecord {
  const event: EventRecord = {
    eventKey: 'summer',
    title: 'summer',
    startsAt: START,
    endsAt: END,
    timeZone: 'UTC',
    resetHour: 0,
    period: 'daily',
    rewards: [],
    stock: null,
    eligibility: { kind: 'everyone' },
    graceMs: 0,
    mode: 'direct',
    state: 'LIVE',
    configVersion: 1,
    revision: 1,
    heldUntil: null,
  };
  const changes: Record<string, Partial<EventRecord>> = {
    open: {},
    once: { period: 'once' },
    forever: { endsAt: null },
    draft: { state: 'DRAFT' },
    ended: { state: 'ENDED' },
    paused: { state: 'PAUSED' },
    held: { heldUntil: END },
    listed: { eligibility: { kind: 'listed' } },
    grace: { graceMs: 1000 },
    stock: { stock: 100 },
    empty: { stock: 0 },
    archived: { archivedUntil: START + 86_400_000 },
  };
  for (const field of fields.split('+')) Object.assign(event, changes[field]);
  return event;
}

function claimOf(eventKey: string, period: string, requestId: string): ClaimRecord {
  return {
    claimKey: `${eventKey}/${period}/u1`,
    eventKey,
    period,
    userId: 'u1',
    requestId,
    grantedAt: START,
    configVersion: 1,
    slot: null,
    rewards: [],
    delivery: { state: 'PENDING', attempts: 0, fulfilledAt: null },
    attempt: 'n.b.1',
  };
}

const KNOWN: Record<string, Partial<Known>> = {
  nothing: {},
  none: { byKey: null, byRequest: null },
  keyNone: { byKey: null },
  keyMine: { byKey: claimOf('summer', '20260518', 'r1') },
  keyOther: { byKey: claimOf('summer', '20260518', 'r2') },
  requestNone: { byRequest: null },
  requestHere: { byRequest: claimOf('summer', '20260518', 'r1') },
  requestEarlier: { byRequest: claimOf('summer', '20260517', 'r1') },
  requestElsewhere: { byRequest: claimOf('winter', '-', 'r1') },
  qualified: { isQualified: true },
  unqualified: { isQualified: false },
  soldOut: { isSoldOut: true },
};

// event | known | milliseconds after the start (or before the end, with e) -> decision; earlier rows win over later ones
const TABLE = `
missing                  nothing                        0    EVENT_NOT_FOUND
open                     nothing                        0    GRANT
open                     none                           0    GRANT
# a request id that was granted comes before every rule
open                     requestHere                    0    REPLAYED
open                     requestEarlier                 0    REPLAYED
open                     keyOther+requestEarlier        0    REPLAYED
open                     keyOther+requestElsewhere      0    KEY_REUSED
open                     requestElsewhere               0    KEY_REUSED
paused+stock             keyNone+requestHere+soldOut    0    REPLAYED
ended                    keyMine                        0    REPLAYED
open                     requestHere                    e+5  REPLAYED
# the key is taken by another request
open                     keyOther                       0    LOOKUP
open                     keyOther+requestNone           0    ALREADY_CLAIMED
once                     keyOther                       0    ALREADY_CLAIMED
paused                   keyOther+requestNone           0    ALREADY_CLAIMED
stock                    keyOther+requestNone+soldOut   0    ALREADY_CLAIMED
# a refusal needs both questions asked
open                     nothing                        -1   LOOKUP
open                     keyNone                        -1   LOOKUP
open                     requestNone                    -1   LOOKUP
paused                   nothing                        0    LOOKUP
# the window, to the millisecond
open                     none                           -1   NOT_STARTED
open                     none                           e-1  GRANT
open                     none                           e+0  ENDED
grace                    none                           e+0  GRANT
grace                    none                           e+999  GRANT
grace                    none                           e+1000 ENDED
forever                  none                           e+1000 GRANT
draft                    none                           0    NOT_STARTED
ended                    none                           0    ENDED
paused                   none                           -1   NOT_STARTED
paused                   none                           e+0  ENDED
paused                   none                           0    PAUSED
paused+listed            none+unqualified               0    PAUSED
held                     none                           0    BUSY
held+listed              none+unqualified               0    BUSY
# what may be archived is over, whatever else the event says; what was granted is told as long as it is known
archived                 none                           0    ENDED
archived                 nothing                        0    LOOKUP
archived+forever+listed  none+qualified                 0    ENDED
archived                 none                           86400000 GRANT
once+archived            none                           86400000 ENDED
once+archived+forever    none                           e+5  ENDED
archived                 keyMine                        0    REPLAYED
archived                 none                           -1   NOT_STARTED
archived+paused          none                           0    ENDED
# eligibility, then stock
listed                   nothing                        0    LOOKUP
listed                   none+qualified                 0    GRANT
listed                   none+unqualified               0    NOT_ELIGIBLE
listed+stock             none+unqualified+soldOut       0    NOT_ELIGIBLE
listed+stock             none+qualified+soldOut         0    SOLD_OUT
stock                    nothing                        0    GRANT
stock                    soldOut                        0    LOOKUP
stock                    none+soldOut                   0    SOLD_OUT
empty                    none                           0    SOLD_OUT
`;

function nowOf(text: string): number {
  return text.startsWith('e') ? END + Number(text.slice(1)) : START + Number(text);
}

for (const line of TABLE.trim().split('\n')) {
  if (line.startsWith('#')) continue;
  const [fields, knowledge, at, expected] = line.split(/\s+/) as [string, string, string, string];
  test(`${fields}, ${knowledge}, ${at}: ${expected}`, () => {
    const event = fields === 'missing' ? null : eventOf(fields);
    const now = nowOf(at);
    const known: Known = { byKey: undefined, byRequest: undefined, isQualified: undefined, isSoldOut: false };
    for (const part of knowledge.split('+')) Object.assign(known, KNOWN[part]);
    const span = event === null ? spanAt(eventOf('once'), now) : spanAt(event, claimInstant(event, now));
    const decision = decide({ userId: 'u1', requestId: 'r1' }, event, known, now, span);
    assert.is(decision.kind === 'ANSWER' ? decision.outcome.code : decision.kind, expected);
  });
}

test('a grace claim belongs to the last period of the event', () => {
  const event = eventOf('grace');
  assert.is(spanAt(event, claimInstant(event, END + 500)).id, '20260519');
});

test('nextClaimAt is the reset after the claim, null when the event is over by then or is claimed once', () => {
  const view = (fields: string, now: number) =>
    nextClaimAfter(claimOf('summer', '20260518', 'r1'), eventOf(fields), spanAt(eventOf(fields), now));
  assert.is(view('open', START), START + 86_400_000);
  assert.is(view('open', START + 86_400_000), START + 86_400_000, 'claimable since the last reset');
  assert.is(view('once', START), null);
  const last = claimOf('summer', '20260519', 'r1');
  assert.is(nextClaimAfter(last, eventOf('open'), spanAt(eventOf('open'), END - 1)), null);
});

import { eventInputShape, eventPatchShape, eventViewShape } from './event.ts';
import { faultsOf, type Shape } from './shape.ts';
import { assert, suite } from './testing/kit.ts';
import { fromJson, VECTORS } from './testing/vectors.ts';

const test = suite('event');
const fields = (shape: Shape<unknown>, value: unknown) => faultsOf(shape, value).map(({ field }) => field);

const GOOD: [string, unknown[]][] = [
  ['title', ['x', '☀'.repeat(200)]],
  ['startsAt', ['2026-11-22T05:00Z', '2026-11-22T05:00:00Z', '2026-11-22T05:00:00.123Z', '2028-02-29T00:00:00Z']],
  ['endsAt', [null, '9999-12-31T23:59:59.999Z']],
  ['timeZone', ['UTC', 'Asia/Seoul', 'America/Argentina/Buenos_Aires', 'Etc/GMT+9']],
  ['resetHour', [0, 23]],
  ['period', ['once', 'daily', 'weekly', 'monthly']],
  ['rewards', [[], [{ kind: 'currency', id: 'gold', amount: Number.MAX_SAFE_INTEGER }]]],
  ['stock', [null, 0, 1_000_000_000]],
  ['eligibility', [{ kind: 'everyone' }, { kind: 'listed' }]],
  ['graceMs', [0, 2_592_000_000]],
  ['state', ['DRAFT', 'LIVE', 'PAUSED', 'ENDED']],
  ['mode', ['direct', 'journal']],
  ['splitBy', ['none', 'event', 'day']],
  ['store', ['main', 'b', 'eu-1_2']],
  [
    'modeSchedule',
    [
      [],
      [{ from: '20:00', to: '23:00', mode: 'journal' }],
      [
        { from: '22:30', to: '02:00', mode: 'journal' },
        { from: '02:00', to: '22:30', mode: 'direct' },
      ],
      [{ from: '23:59', to: '00:00', mode: 'journal' }],
      [
        { from: '00:00', to: '12:00', mode: 'journal' },
        { from: '12:00', to: '00:00', mode: 'direct' },
      ],
      Array.from({ length: 24 }, (_, hour) => ({
        from: `${String(hour).padStart(2, '0')}:00`,
        to: `${String(hour).padStart(2, '0')}:59`,
        mode: 'journal',
      })),
    ],
  ],
];

function overlapping(from: string, to: string) {
  return { from, to, mode: 'journal' };
}

const BAD: [string, unknown[]][] = [
  ['title', ['', 'x'.repeat(201), 5, null]],
  ['startsAt', ['2026-02-30T00:00:00Z', '2026-11-22', '2026-11-22T05:00:00+09:00', '2026-11-22T24:00:00Z', 0, null]],
  ['startsAt', ['2027-02-29T00:00:00Z', '2026-13-01T00:00:00Z', '+002026-11-22T05:00:00Z', ' 2026-11-22T05:00Z']],
  ['endsAt', ['', 'never', undefined]],
  ['timeZone', ['', '+09:00', 'Mars/Olympus', 'Asia/Seoul ', null, 'x'.repeat(65)]],
  ['resetHour', [-1, 24, 4.5, '4', null]],
  ['period', ['hourly', 'ONCE', '', null]],
  ['rewards', [null, {}, [[]], Array(33).fill({ kind: 'a', id: 'b', amount: 1 })]],
  ['stock', [-1, 1.5, 1_000_000_001, '10']],
  ['eligibility', ['everyone', { kind: 'friends' }, {}, { kind: 'listed', list: [] }]],
  ['graceMs', [-1, 2_592_000_001]],
  ['state', ['live', null]],
  ['mode', ['queue', 'JOURNAL', null]],
  ['splitBy', ['week', 'DAY', null]],
  ['store', ['', 'a b', 'a=b', 'x'.repeat(65), null]],
  ['modeSchedule', [null, {}, 'journal', [null], [{ from: '20:00', to: '23:00' }]]],
  [
    'modeSchedule',
    [
      ['20:00', '20:00'],
      ['24:00', '02:00'],
      ['8:00', '09:00'],
      ['20:00', '23:60'],
      ['20:00:00', '23:00'],
    ].map(([from, to]) => [{ from, to, mode: 'journal' }]),
  ],
  [
    'modeSchedule',
    [
      [overlapping('20:00', '23:00'), overlapping('22:59', '23:30')],
      [overlapping('23:00', '01:00'), overlapping('00:30', '02:00')],
      [overlapping('22:00', '03:00'), overlapping('23:00', '02:00')],
      [overlapping('01:00', '02:00'), overlapping('01:00', '02:00')],
      Array(25).fill(overlapping('01:00', '02:00')),
    ],
  ],
];

for (const [field, values] of GOOD) {
  test(`${field} takes its values`, () => {
    for (const value of values) {
      assert.equal(fields(eventInputShape, { eventKey: 'a', [field]: value }), [], JSON.stringify(value));
      assert.equal(fields(eventPatchShape, { [field]: value }), []);
    }
  });
}
for (const [field, values] of BAD) {
  test(`${field} refuses other values`, () => {
    for (const value of values) {
      const [fault] = fields(eventInputShape, { eventKey: 'a', [field]: value });
      assert.ok(fault?.startsWith(field), `took ${JSON.stringify(value)}`);
    }
  });
}

test('an event needs its key and a patch cannot name it', () => {
  assert.equal(fields(eventInputShape, {}), ['eventKey']);
  assert.equal(fields(eventPatchShape, {}), []);
  assert.equal(fields(eventPatchShape, { eventKey: 'a' }), ['eventKey']);
});

test('a reward names what it gives', () => {
  const bad = [
    { kind: 'a', id: 'b' },
    { kind: 'a', id: 'b', amount: 0 },
    { kind: '', id: 'b', amount: 1 },
  ];
  for (const reward of bad) assert.is(fields(eventPatchShape, { rewards: [reward] }).length, 1);
});

const view = VECTORS.events.find(({ name }) => name === 'the event');
const event = () => (fromJson(view?.body) as unknown[])[1] as Record<string, unknown>;

test('a client takes an event of a later server and refuses one with a field missing or wrong', () => {
  assert.equal(fields(eventViewShape, event()), []);
  assert.equal(fields(eventViewShape, { ...event(), later: 1, timeZone: 'Mars/Olympus', nextClaimAt: null }), []);
  for (const name of Object.keys(event())) {
    const { [name]: _, ...rest } = event();
    assert.equal(fields(eventViewShape, rest), [name]);
    assert.ok(fields(eventViewShape, { ...event(), [name]: Symbol('no') }).length > 0, name);
  }
});

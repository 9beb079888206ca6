/** Which lines are which rows, wherever chunks end. */
import { assert, suite } from '../../protocol/testing/kit.ts';
import { chanceOf } from '../../protocol/testing/random.ts';
import { HeaderMissing, LINE_BYTES_MAX, type Position, ROW_RULE, type RowFormat, RowReader } from './rows.ts';

const test = suite('rows of user ids');

const ID_RULE = 'userId: 1…128 characters of A-Z a-z 0-9 . _ : -';

/** `line userId`, or `line !rule`, of each row. */
function rowsOf(
  format: RowFormat,
  text: string | Buffer,
  sizes: () => number = () => 65_536,
  from?: Position,
): string[] {
  const rows: string[] = [];
  const reader = new RowReader(
    format,
    {
      user: (userId, { line }) => void rows.push(`${line} ${userId}`),
      rejected: (rule, line) => void rows.push(`${line} !${rule}`),
    },
    from,
  );
  const bytes = Buffer.from(text as string);
  for (let at = 0; at < bytes.length; ) {
    const size = sizes();
    reader.push(bytes.subarray(at, at + size));
    at += size;
  }
  reader.end();
  return rows;
}

test('NDJSON: rows, blank lines, line ends, a byte order mark, no line end at the end', () => {
  const text = '\ufeff{"userId":"u1"}\r\n\n   \n{ "userId" : "u\\u0032" }\n{"userId":"a.b_c:d-E9"}';
  assert.equal(rowsOf('ndjson', text), ['1 u1', '4 u2', '5 a.b_c:d-E9']);
  assert.equal(rowsOf('ndjson', ''), []);
});

test('NDJSON: what is rejected, and why', () => {
  const rows: [line: string, rule: string][] = [
    ['{"userId":"u1"', ROW_RULE.json],
    ['u1', ROW_RULE.json],
    ['{"userId":"u1"} {"userId":"u2"}', ROW_RULE.json],
    ['["u1"]', ROW_RULE.object],
    ['null', ROW_RULE.object],
    ['"u1"', ROW_RULE.object],
    ['{}', 'userId: required: 1…128 characters of A-Z a-z 0-9 . _ : -'],
    ['{"userId":""}', ID_RULE],
    ['{"userId":1}', ID_RULE],
    ['{"userId":null}', ID_RULE],
    ['{"userId":"a b"}', ID_RULE],
    ['{"userId":" u1"}', ID_RULE],
    ['{"userId":"łukasz"}', ID_RULE],
    ['{"userId":"u/1"}', ID_RULE],
    [`{"userId":"${'u'.repeat(129)}"}`, ID_RULE],
    ['{"userId":"u1","more":1}', 'more: no such field'],
    ['{"userId":"u1","__proto__":1}', '__proto__: no such field'],
    [`{"userId":"u1"${' '.repeat(LINE_BYTES_MAX)}}`, ROW_RULE.length],
  ];
  const text = rows.map(([line]) => line).join('\n');
  assert.equal(
    rowsOf('ndjson', text),
    rows.map(([, rule], index) => `${index + 1} !${rule}`),
  );
  assert.equal(rowsOf('ndjson', `{"userId":"${'u'.repeat(128)}"}`), [`1 ${'u'.repeat(128)}`]);
});

test('CSV: the header, quotes, line ends, what is rejected', () => {
  assert.equal(rowsOf('csv', 'userId\r\nu1\r\n"u2"\r\n\r\nu3'), ['2 u1', '3 u2', '5 u3']);
  assert.equal(rowsOf('csv', '\ufeff\n"userId"\nu1\n'), ['3 u1']);
  const rows: [line: string, rule: string][] = [
    ['u1,', ROW_RULE.value],
    ['u1,u2', ROW_RULE.value],
    ['"u1', ROW_RULE.value],
    ['u"1', ROW_RULE.value],
    ['"u1"x', ROW_RULE.value],
    ['"a""b"', ID_RULE],
    ['"a,b"', ID_RULE],
    ['""', ID_RULE],
    [' u1', ID_RULE],
    ['u1\ru2', ID_RULE],
    ['ł', ID_RULE],
    ['x'.repeat(LINE_BYTES_MAX + 1), ROW_RULE.length],
  ];
  assert.equal(rowsOf('csv', ['userId', ...rows.map(([line]) => line), 'last'].join('\n')), [
    ...rows.map(([, rule], index) => `${index + 2} !${rule}`),
    `${rows.length + 2} last`,
  ]);
});

test('CSV without its header is refused, an empty file as well', () => {
  for (const text of ['', '\n\n', 'u1\nu2\n', 'userid\n', 'userId,name\n', '"userId\n', '{"userId":"u1"}\n']) {
    assert.throws(
      () => rowsOf('csv', text),
      (error: unknown) => error instanceof HeaderMissing,
    );
  }
});

test('chunks may end anywhere, inside a character as well', () => {
  const chance = chanceOf(3);
  const long = 'y'.repeat(LINE_BYTES_MAX - 20);
  const lines = [
    '{"userId":"u1"}\r',
    '',
    '{"userId":"ł"}',
    long,
    `${long}${long}`,
    '{"userId":"u2"}',
    '\r',
    '{"userId":"u3"}',
  ];
  const text = `\ufeff${lines.join('\n')}`;
  const whole = rowsOf('ndjson', text);
  assert.is(whole.length, 6);
  assert.equal(
    rowsOf('ndjson', text, () => 1),
    whole,
  );
  for (let round = 0; round < 30; round++)
    assert.equal(
      rowsOf('ndjson', text, () => 1 + chance.integer(900)),
      whole,
    );
});

test('a line without an end takes no memory', () => {
  const told: string[] = [];
  const reader = new RowReader('ndjson', { user() {}, rejected: (rule, line) => void told.push(`${line} ${rule}`) });
  const chunk = Buffer.alloc(65_536, 'x');
  const before = process.memoryUsage();
  for (let n = 0; n < 1_000; n++) reader.push(chunk);
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  assert.ok(heapUsed + arrayBuffers - before.heapUsed - before.arrayBuffers < 8_000_000);
  reader.end();
  assert.equal(told, [`1 ${ROW_RULE.length}`]);
});

test('a file is read on from a position as it would have been read from the beginning', () => {
  for (const [format, text] of [
    ['csv', 'userId\r\nu1\r\n\r\nbad id\r\n"u2"\r\nu3'],
    ['ndjson', '{"userId":"u1"}\n\nbad\n{"userId":"u2"}\n{"userId":"u3"}\n'],
  ] as const) {
    const positions: Position[] = [];
    const reader = new RowReader(format, { user: (_, at) => void positions.push(at), rejected() {} });
    reader.push(Buffer.from(text));
    reader.end();
    const whole = rowsOf(format, text);
    for (const at of positions) {
      const rest = rowsOf(format, Buffer.from(text).subarray(at.offset), undefined, at);
      assert.equal(
        rest,
        whole.filter((row) => Number.parseInt(row, 10) > at.line),
        `${format} behind line ${at.line}`,
      );
    }
    assert.is(positions.at(-1)?.offset, text.length);
  }
});

/** Frames and bodies that must be refused, each with the code that says so; pinned in `protocol/vectors/refused-*.json`. */
import { encodeFrame, type Value, widen } from '../codec.ts';
import { KIND } from '../frame.ts';
import { LIMITS } from '../limits.ts';
import { OPS, type RequestName } from '../ops.ts';
import { hexOf } from './vectors.ts';

export type RefusedFrame = { name: string; frameBytesMax: number; code: string; hex: string };
export type RefusedBody = { name: string; code: 'BAD_REQUEST'; rule: string; hex: string };
export type RefusedArguments = { name: string; op: RequestName; code: 'BAD_REQUEST'; field: string; hex: string };
/** File name without its ending → what is refused. */
export type Refused = {
  'refused-frames': RefusedFrame[];
  'refused-bodies': RefusedBody[];
  'refused-arguments': RefusedArguments[];
};

const before = LIMITS.frameBytesMaxBeforeReady;
const after = LIMITS.frameBytesMax;
function frame(name: string, hex: string, code: 'FRAME_TOO_LARGE' | 'FRAME_MALFORMED', frameBytesMax: number = after) {
  return { name, frameBytesMax, code, hex };
}
function body(name: string, rule: string, hex: string): RefusedBody {
  return { name, code: 'BAD_REQUEST', rule, hex };
}
function args(op: RequestName, name: string, field: string, values: unknown[]): RefusedArguments {
  const bytes = encodeFrame(KIND.request, OPS[op].op, 1, widen(values) as Value[]);
  return { name, op, code: 'BAD_REQUEST', field, hex: hexOf(bytes.subarray(12)) };
}

export const REFUSED: Refused = {
  'refused-frames': [
    frame('a length of 4 GiB - 1, judged after 4 bytes', 'ffffffff', 'FRAME_TOO_LARGE'),
    frame('one byte more than 1 MiB', '00100001', 'FRAME_TOO_LARGE'),
    frame('one byte more than 4 KiB before READY', '00001001', 'FRAME_TOO_LARGE', before),
    frame('the start of an HTTP request', '47455420', 'FRAME_TOO_LARGE'),
    frame('a length of zero', '00000000', 'FRAME_MALFORMED'),
    frame('a header without a body', '000000080101030000000001', 'FRAME_MALFORMED'),
    frame('header version 0', '00000009000103000000000190', 'FRAME_MALFORMED'),
    frame('header version 2', '00000009020103000000000190', 'FRAME_MALFORMED'),
    frame('kind 0', '00000009010003000000000190', 'FRAME_MALFORMED'),
    frame('kind 4', '00000009010403000000000190', 'FRAME_MALFORMED'),
    frame('a flag', '00000009010103010000000190', 'FRAME_MALFORMED'),
  ],
  'refused-bodies': [
    body('float 32', 'no floats', '91ca3f800000'),
    body('float 64', 'no floats', '91cb3ff0000000000000'),
    body('the unused head byte', 'no 0xc1', '91c1'),
    body('a timestamp extension', 'no extension types', '91d6ff00000000'),
    body('a record definition of one implementation', 'no extension types', '91d4724091a161'),
    body('an extension of no bytes', 'no extension types', '91c70000'),
    body('2^53', 'integers within 2^53 - 1', '91cf0020000000000000'),
    body('-(2^53)', 'integers within 2^53 - 1', '91d3ffe0000000000000'),
    body('invalid UTF-8', 'strings are UTF-8', '91a2c328'),
    body('half a surrogate pair as UTF-8', 'strings are UTF-8', '91a3eda080'),
    body('an overlong encoding', 'strings are UTF-8', '91a2c0af'),
    body('a string that starts with a byte order mark', 'no byte order mark', '91a4efbbbf61'),
    body('a string of 4097 bytes', 'strings of at most 4096 bytes', `91da1001${'61'.repeat(4097)}`),
    body('a map key that is an integer', 'map keys are strings of at most 255 bytes', '918101c0'),
    body('a map key twice', 'each map key once', '9182a16101a16102'),
    body('a map key twice, in two encodings', 'each map key once', '9182a16101d9016102'),
    body('the map key __proto__', 'no key __proto__', '9181a95f5f70726f746f5f5f01'),
    body('nine levels', 'at most 8 levels', `${'91'.repeat(9)}c0`),
    body('an array that announces more than there is', 'whole values', '91dd7fffffff'),
    body('a string that ends early', 'whole values', '91a361'),
    body('bytes after the value', 'no bytes after the value', '9000'),
    body('nothing', 'whole values', ''),
  ],
  'refused-arguments': [
    args('PING', 'an argument too many', 'body', [null]),
    args('CLAIM', 'an event key with a slash', 'eventKey', [null, 'a/b', 'u1']),
    args('CLAIM', 'an event key of 65 characters', 'eventKey', [null, 'e'.repeat(65), 'u1']),
    args('CLAIM', 'no event key', 'eventKey', [null]),
    args('CLAIM', 'a user id that is a number', 'userId', [null, 'welcome', 7]),
    args('CLAIM', 'a request id with a space', 'requestId', [null, 'welcome', 'u1', 'r 1']),
    args('CLAIM', 'an empty request id', 'requestId', [null, 'welcome', 'u1', '']),
    args('CLAIM', 'a deadline of 0 ms', 'deadlineMs', [null, 'welcome', 'u1', 'r-1', 0]),
    args('CLAIM', 'a deadline of more than 30 s', 'deadlineMs', [null, 'welcome', 'u1', 'r-1', 30_001]),
    args('CLAIM', 'an actor without roles', 'actor.roles', [['u1', 's-1'], 'welcome']),
    args('CLAIM_BATCH', 'no user ids', 'userIds', [null, 'welcome', 'b-1', []]),
    args('CLAIM_BATCH', 'nothing but nil', 'userIds', [null, 'welcome', 'b-1', [null, null]]),
    args('CLAIM_BATCH', 'a user id with a space', 'userIds[1]', [null, 'welcome', 'b-1', ['u1', 'u 2']]),
    args('CLAIM_BATCH', 'no batch id', 'batchId', [null, 'welcome', null, ['u1']]),
    args('CLAIM_BATCH', 'a batch id of 101 characters', 'batchId', [null, 'welcome', 'b'.repeat(101), ['u1']]),
    args('EVENT_CREATE', 'a field that does not exist', 'owner', [null, { eventKey: 'a', owner: 'me' }]),
    args('EVENT_CREATE', 'a day that does not exist', 'startsAt', [
      null,
      { eventKey: 'a', startsAt: '2026-02-30T00:00:00Z' },
    ]),
    args('EVENT_CREATE', 'an unknown period', 'period', [null, { eventKey: 'a', period: 'hourly' }]),
    args('EVENT_CREATE', 'busy hours that overlap', 'modeSchedule', [
      null,
      {
        eventKey: 'a',
        modeSchedule: [
          { from: '23:00', to: '01:00', mode: 'journal' },
          { from: '00:30', to: '02:00', mode: 'direct' },
        ],
      },
    ]),
    args('EVENT_MODE', 'an unknown mode', 'mode', [null, 'summer', 'fast']),
    args('JOURNAL_BLOCKS', 'an offset before the beginning', 'after', [null, -1]),
    args('RECONCILE', 'a cursor without a character', 'cursor', [null, null, '']),
    args('BACKUP', 'no backup id', 'backupId', [null, '/backups/1']),
    args('ARCHIVE', 'an intent that is none', 'intent', [null, '/archive', 1_779_062_400_000, 'a-1', 'DROP', 0]),
    args('QUALIFY', 'no user ids', 'userIds', [null, 'summer', []]),
    args('REGISTER', 'a password of 7 characters', 'password', [null, 'mira', '1234567']),
    args('REGISTER', 'an argument for roles', 'body', [null, 'mira', '12345678', null, null, ['ADMIN']]),
    args('LOGIN', 'a device id with a space', 'deviceId', [null, 'mira', '12345678', 'my phone']),
    args('USERS_LIST', 'a role in small letters', 'roles[0]', [null, ['operator']]),
    args('CLAIMS_LIST', 'a page of 201', 'limit', [null, null, null, null, null, 201]),
  ],
};

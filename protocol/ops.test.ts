import { roleViewShape, signedInShape, userViewShape } from './accounts.ts';
import { seriesTuple } from './batch.ts';
import { claimTuple } from './claim.ts';
import { eventViewShape } from './event.ts';
import { blockClaimTuple, blockSeriesTuple, blockTuple } from './journal.ts';
import { LIMITS } from './limits.ts';
import { actorShape, eventStandingTuple, OPS, type OpName, opName, type RequestName } from './ops.ts';
import { readyTuple } from './ready.ts';
import { RESULTS, trustedIssuerTuple } from './results.ts';
import { boolean, faultsOf, nothing, type Shape } from './shape.ts';
import { fieldsOf } from './testing/conversation.ts';
import { assert, suite } from './testing/kit.ts';
import { README, tableAfter } from './testing/readme.ts';
import { archiveItemTuple, collectionTuple, mismatchTuple, rivalTuple, storeTuple } from './upkeep.ts';

const test = suite('ops');
const names = Object.keys(OPS) as OpName[];

/** Written out once more on purpose: peers hold these numbers. */
const PINNED = `WELCOME 1 HELLO 2 PING 3 GOAWAY 4 CLOSE 5 CLAIM 16 CLAIM_BY_REQUEST 17 CLAIMS_OF_USER 18 CLAIMS_LIST 19
CLAIM_BATCH 20 EVENT_CREATE 32 EVENT_CHANGE 33 EVENT_GET 34 EVENT_LIST 35 EVENT_PAUSE 36 EVENT_RESUME 37 EVENT_MODE 38 QUALIFY 48 DISQUALIFY 49
QUALIFIED 50 TOKEN_KEYS 64 STATUS 65 METRICS 66 JOURNAL_BLOCKS 67 STORES 68 RECONCILE 69 BACKUP 70 ARCHIVE 71 REGISTER 80 LOGIN 81 REFRESH 82 LOGOUT 83 ME 84 SESSIONS_OF_USER 85
SESSION_END 86 PASSWORD_CHANGE 87 ERASE_SELF 88 USERS_LIST 96 USER_ROLES_SET 97 USER_LOGOUT 98 USER_ERASE 99
ROLES_LIST 100 ROLE_CREATE 101 ROLE_CHANGE 102 ROLE_DELETE 103 AUDIT_LIST 104 SUBSCRIBE 112 UNSUBSCRIBE 113
EVENT_CHANGED 114 CLAIM_GRANTED 115 REVOKED 116`;

test('op numbers are the pinned ones', () => {
  const pinned = new Map([...PINNED.matchAll(/(\w+) (\d+)/g)].map(([, name, op]) => [name, Number(op)]));
  for (const [name, op] of pinned) assert.is(OPS[name as OpName]?.op, op, name);
  assert.is(new Set(names.map((name) => OPS[name].op)).size, names.length);
});

test('a number leads to its op and an unknown one to nothing', () => {
  for (const name of names) assert.is(opName(OPS[name].op), name);
  for (const op of [0, 6, 255, -1]) assert.is(opName(op), undefined);
});

/** Taken whole by the op's arguments and judged by the handler, which refuses nil. */
const JUDGED_LATER = ['event', 'patch', 'role'];

/** `[a, b?]`: the fields of a positional shape, with a mark on those that may be nil. */
function printed(shape: Shape<unknown>): string {
  const fields = fieldsOf(shape);
  const faults = faultsOf(
    shape,
    fields.map(() => null),
  );
  const required = (field: string) => JUDGED_LATER.includes(field) || faults.some((fault) => fault.field === field);
  return `[${fields.map((field) => (required(field) ? field : `${field}?`)).join(', ')}]`;
}

function printedResult(name: OpName): string {
  if (OPS[name].kind === 'notice') return '–';
  const words = new Map<Shape<unknown>, string>([
    [claimTuple, 'claim'],
    [readyTuple, 'READY'],
    [eventViewShape, 'event'],
    [userViewShape, 'user'],
    [signedInShape, 'signedIn'],
    [roleViewShape, 'role'],
    [boolean, 'boolean'],
    [nothing, 'nil'],
    [RESULTS.METRICS, 'bytes'],
  ]);
  const shape: Shape<unknown> = RESULTS[name as RequestName];
  return words.get(shape) ?? printed(shape);
}

test('the spec’s table is the code’s, row by row', () => {
  const coded = names.map((name) => {
    const { op, kind, args } = OPS[name];
    return [op, name, kind, printed(args), printedResult(name)].join(' | ');
  });
  assert.equal(
    tableAfter('Operations').map((row) => row.join(' | ')),
    coded,
  );
});

test('the spec’s named tuples are the code’s', () => {
  for (const [name, shape] of Object.entries({
    actor: actorShape,
    READY: readyTuple,
    claim: claimTuple,
    series: seriesTuple,
    standing: eventStandingTuple,
    trusted: trustedIssuerTuple,
    block: blockTuple,
    blockSeries: blockSeriesTuple,
    blockClaim: blockClaimTuple,
    store: storeTuple,
    collection: collectionTuple,
    mismatch: mismatchTuple,
    rival: rivalTuple,
    item: archiveItemTuple,
  })) {
    const found = new RegExp(`^ {4}${name} +(\\[.*\\])$`, 'm').exec(README);
    assert.is(found?.[1], printed(shape), name);
  }
});

test('the spec’s limits are the code’s', () => {
  const said = tableAfter('Limits').map(([name, value]) => [name, Number(value?.replaceAll(',', ''))]);
  assert.equal(Object.fromEntries(said), LIMITS);
});

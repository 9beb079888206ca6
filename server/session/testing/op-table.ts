/**
 * Who may do what, written out by hand: the truth that the code's tables and a running server are held against. An op
 * without a row fails the tests that read it.
 */
import type { RequestName } from '../../../protocol/ops.ts';

// any: whomever is named; own: oneself; -: refused.
const TEXT = `
  op               | game | edge | admin | (none) | USER | OPERATOR | AUDITOR | ADMIN | STRANGER | PAUSER
  CLAIM            | any  | -    | -     | -      | own  | own      | own     | own   | own      | own
  CLAIM_BY_REQUEST | any  | -    | any   | -      | own  | any      | any     | any   | own      | own
  CLAIMS_OF_USER   | any  | -    | any   | -      | own  | any      | any     | any   | own      | own
  CLAIMS_LIST      | any  | -    | any   | -      | -    | any      | any     | any   | -        | -
  CLAIM_BATCH      | any  | -    | -     | -      | -    | -        | -       | -     | -        | -
  EVENT_CREATE     | -    | -    | any   | -      | -    | any      | -       | any   | -        | any
  EVENT_CHANGE     | -    | -    | any   | -      | -    | any      | -       | any   | -        | any
  EVENT_GET        | any  | -    | any   | -      | any  | any      | any     | any   | any      | any
  EVENT_LIST       | any  | -    | any   | -      | any  | any      | any     | any   | any      | any
  EVENT_PAUSE      | -    | -    | any   | -      | -    | any      | -       | any   | -        | any
  EVENT_RESUME     | -    | -    | any   | -      | -    | any      | -       | any   | -        | any
  EVENT_MODE       | -    | -    | any   | -      | -    | any      | -       | any   | -        | any
  QUALIFY          | any  | -    | any   | -      | -    | any      | -       | any   | -        | -
  DISQUALIFY       | any  | -    | any   | -      | -    | any      | -       | any   | -        | -
  QUALIFIED        | any  | -    | any   | -      | -    | any      | any     | any   | -        | -
  TOKEN_KEYS       | -    | any  | -     | -      | -    | -        | -       | -     | -        | -
  STATUS           | -    | any  | any   | -      | -    | -        | any     | any   | -        | -
  METRICS          | -    | any  | any   | -      | -    | -        | any     | any   | -        | -
  JOURNAL_BLOCKS   | any  | -    | any   | -      | -    | any      | any     | any   | -        | -
  STORES           | any  | -    | any   | -      | -    | any      | any     | any   | -        | -
  RECONCILE        | -    | -    | any   | -      | -    | -        | -       | -     | -        | -
  BACKUP           | -    | -    | any   | -      | -    | -        | -       | -     | -        | -
  ARCHIVE          | -    | -    | any   | -      | -    | -        | -       | -     | -        | -
  REGISTER         | -    | any  | -     | -      | -    | -        | -       | -     | -        | -
  LOGIN            | -    | any  | -     | -      | -    | -        | -       | -     | -        | -
  REFRESH          | -    | any  | -     | -      | -    | -        | -       | -     | -        | -
  LOGOUT           | -    | -    | -     | -      | own  | own      | own     | own   | own      | own
  ME               | -    | -    | -     | -      | own  | own      | own     | own   | own      | own
  SESSIONS_OF_USER | -    | -    | -     | -      | own  | own      | own     | own   | own      | own
  SESSION_END      | -    | -    | -     | -      | own  | own      | own     | own   | own      | own
  PASSWORD_CHANGE  | -    | -    | -     | -      | own  | own      | own     | own   | own      | own
  ERASE_SELF       | -    | -    | -     | -      | own  | own      | own     | own   | own      | own
  USERS_LIST       | -    | -    | any   | -      | -    | -        | any     | any   | -        | -
  USER_ROLES_SET   | -    | -    | any   | -      | -    | -        | -       | any   | -        | -
  USER_LOGOUT      | -    | -    | any   | -      | -    | -        | -       | any   | -        | -
  USER_ERASE       | -    | -    | any   | -      | -    | -        | -       | any   | -        | -
  ROLES_LIST       | -    | -    | any   | -      | -    | -        | any     | any   | -        | -
  ROLE_CREATE      | -    | -    | any   | -      | -    | -        | -       | any   | -        | -
  ROLE_CHANGE      | -    | -    | any   | -      | -    | -        | -       | any   | -        | -
  ROLE_DELETE      | -    | -    | any   | -      | -    | -        | -       | any   | -        | -
  AUDIT_LIST       | -    | -    | any   | -      | -    | -        | any     | any   | -        | -
  SUBSCRIBE        | -    | any  | -     | -      | -    | -        | -       | -     | -        | -
  UNSUBSCRIBE      | -    | any  | -     | -      | -    | -        | -       | -     | -        | -
  HELLO            | -    | -    | -     | -      | -    | -        | -       | -     | -        | -
  PING             | -    | -    | -     | -      | -    | -        | -       | -     | -        | -
`;

/** As a role of users or of services is called, `(none)` for a service without any, PAUSER for one an admin wrote. */
export type Who = string;
export type Reach = 'any' | 'own' | 'none';

const [head = [], ...rows] = TEXT.trim()
  .split('\n')
  .map((line) => line.split('|').map((cell) => cell.trim()));

export const WHO: readonly Who[] = head.slice(1);
export const OP_TABLE: readonly { op: RequestName; reach: ReadonlyMap<Who, Reach> }[] = rows.map(([op, ...cells]) => ({
  op: op as RequestName,
  reach: new Map(cells.map((cell, i) => [WHO[i] as Who, (cell === '-' ? 'none' : cell) as Reach])),
}));

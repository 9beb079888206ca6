/**
 * Claims as CSV (RFC 4180: CRLF, quotes doubled). Spreadsheets run a cell that begins with = + - @ as a formula, and
 * players choose their request ids: text that begins so gets an apostrophe in front, which spreadsheets show as text.
 */
import { type ClaimJson, claimJson } from '../clients/json.ts';
import type { ClaimView } from '../protocol/claim.ts';

const FORMULA = /^[=+\-@\t\r]/;
const NEEDS_QUOTES = /[",\r\n]/;

function quoted(value: string): string {
  return NEEDS_QUOTES.test(value) ? `"${value.replaceAll('"', '""')}"` : value;
}

function textCell(value: string): string {
  return quoted(FORMULA.test(value) ? `'${value}` : value);
}

/** The period of a `once` event is `-`, which is no formula; periods and times come out as they are everywhere else. */
const COLUMNS: readonly (readonly [name: string, cell: (claim: ClaimJson) => string])[] = [
  ['claimKey', (claim) => textCell(claim.claimKey)],
  ['eventKey', (claim) => textCell(claim.eventKey)],
  ['period', (claim) => claim.period],
  ['userId', (claim) => textCell(claim.userId)],
  ['requestId', (claim) => textCell(claim.requestId)],
  ['grantedAt', (claim) => claim.grantedAt],
  ['configVersion', (claim) => String(claim.configVersion)],
  ['slot', (claim) => String(claim.slot ?? '')],
  ['rewards', (claim) => quoted(JSON.stringify(claim.rewards))],
  ['deliveryState', (claim) => claim.delivery.state],
  ['deliveryAttempts', (claim) => String(claim.delivery.attempts)],
  ['fulfilledAt', (claim) => claim.delivery.fulfilledAt ?? ''],
  ['nextClaimAt', (claim) => claim.nextClaimAt ?? ''],
];

export const CSV_HEADER = `${COLUMNS.map(([name]) => name).join(',')}\r\n`;

export function csvOf(claims: readonly ClaimView[]): string {
  return claims.map(csvRow).join('');
}

function csvRow(claim: ClaimView): string {
  const json = claimJson(claim);
  return `${COLUMNS.map(([, cell]) => cell(json)).join(',')}\r\n`;
}

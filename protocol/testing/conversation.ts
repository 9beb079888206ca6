/** The whole conversation of the spec as annotated hex, and its worked example of the proof. */
import { batchTuple, seriesTuple } from '../batch.ts';
import { claimTuple } from '../claim.ts';
import { OPS } from '../ops.ts';
import { readyTuple } from '../ready.ts';
import type { Shape } from '../shape.ts';
import { dumpFrame, type Label } from './dump.ts';
import { bytesOfHex, handshake, hexOf, VECTORS, type Vector } from './vectors.ts';

/** The field names of a positional shape. */
export function fieldsOf(shape: Shape<unknown>): string[] {
  return shape.rule
    .replace(/^array of /, '')
    .split(', ')
    .filter((field) => field !== '');
}

const rewards: Label = ['rewards', Array(2).fill(['reward', ['kind', 'id', 'amount']])];
const claimLabels = fieldsOf(claimTuple).map((field) => (field === 'rewards' ? rewards : field));
const resultOf = (labels: readonly Label[]): Label[] => ['code', ['result', labels], 'detail'];

function step(says: string, frames: readonly Vector[], name: string, labels: readonly Label[]): string {
  const frame = frames.find((vector) => vector.name === name);
  if (frame === undefined) throw new Error(`no vector ${name}`);
  return `# ${says}\n${dumpFrame(bytesOfHex(frame.hex), { kind: frame.kind, op: frame.op, labels })}`;
}

export function conversation(): string {
  const { handshake: hands, claims } = VECTORS;
  return [
    step('server to client: WELCOME', hands, 'WELCOME', fieldsOf(OPS.WELCOME.args)),
    step('client to server: HELLO', hands, 'HELLO', fieldsOf(OPS.HELLO.args)),
    step('server to client: READY', hands, 'READY', resultOf(fieldsOf(readyTuple))),
    step('client to server: CLAIM', claims, 'CLAIM by a game server', fieldsOf(OPS.CLAIM.args)),
    step('server to client: GRANTED', claims, 'GRANTED', resultOf(claimLabels)),
  ].join('\n\n');
}

/** A batch and its reply; what is packed in it stands apart. */
export function workedBatch(): string {
  const { batches } = VECTORS;
  const window: Label = ['window', ['serverTime', 'startsAt', 'endsAt']];
  const series: Label = ['a series', fieldsOf(seriesTuple).map((field) => (field === 'rewards' ? rewards : field))];
  const tables = new Map<string, Label>([
    ['series', ['series', [series, series]]],
    [
      'problems',
      [
        'problems',
        [
          ['0: SOLD_OUT', ['code', window, 'detail']],
          ['1: BUSY', ['code', 'retryAfterMs', 'detail']],
        ],
      ],
    ],
  ]);
  const result = fieldsOf(batchTuple).map((field) => tables.get(field) ?? field);
  return [
    step('client to server: CLAIM_BATCH', batches, 'CLAIM_BATCH', fieldsOf(OPS.CLAIM_BATCH.args)),
    step('server to client: an outcome for each', batches, 'an outcome for each', resultOf(result)),
  ].join('\n\n');
}

export function workedProof(): string {
  const named = {
    'service key': handshake.serviceKey,
    'service id': new TextEncoder().encode(handshake.serviceId),
    'server nonce': handshake.serverNonce,
    'client nonce': handshake.clientNonce,
    'client signs': handshake.clientInput,
    'client proof': handshake.clientProof,
    'server signs': handshake.serverInput,
    'server proof': handshake.serverProof,
  };
  return Object.entries(named)
    .map(([name, bytes]) => {
      const lines = hexOf(bytes).match(/.{1,64}/g) ?? [];
      return lines.map((line, i) => `${(i === 0 ? name : '').padEnd(14)}${line}`).join('\n');
    })
    .join('\n');
}

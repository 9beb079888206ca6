import { createHmac } from 'node:crypto';
import { proofBytes } from './handshake.ts';
import { packedBatch, packedBytes } from './testing/batch-dump.ts';
import { conversation, workedBatch, workedProof } from './testing/conversation.ts';
import { assert, suite } from './testing/kit.ts';
import { pinnedBlock, README } from './testing/readme.ts';
import { bytesOfHex, hexOf, VECTORS } from './testing/vectors.ts';

const test = suite('readme');

test('the conversation is what the code makes', () => {
  assert.is(pinnedBlock('conversation'), conversation());
});

test('the bytes of the conversation, read off the page, are the golden frames', () => {
  const steps = pinnedBlock('conversation').split('\n\n');
  const { handshake, claims } = VECTORS;
  const names = ['WELCOME', 'HELLO', 'READY', 'CLAIM by a game server', 'GRANTED'];
  for (const [i, name] of names.entries()) {
    const [title, ...rows] = (steps[i] as string).split('\n');
    assert.match(title as string, /^# (server to client|client to server): /);
    assert.is(hexOfRows(rows), [...handshake, ...claims].find((vector) => vector.name === name)?.hex);
  }
  assert.is(steps.length, names.length);
});

/** The bytes of a dump, read off the page. */
function hexOfRows(rows: readonly string[]): string {
  return rows.map((row) => (row.startsWith('#') ? '' : row.slice(0, 48).replaceAll(' ', ''))).join('');
}

test('the batch, read off the page, is the golden one, and so is what is packed in it', () => {
  assert.is(pinnedBlock('batch'), workedBatch());
  assert.is(pinnedBlock('packed'), packedBatch());
  const [asked, answered] = pinnedBlock('batch').split('\n\n') as [string, string];
  assert.is(hexOfRows(asked.split('\n')), VECTORS.batches[0]?.hex);
  assert.is(hexOfRows(answered.split('\n')), VECTORS.batches[1]?.hex);
  assert.is(hexOfRows(pinnedBlock('packed').split('\n')), hexOf(packedBytes()));
});

/** The example's lines by their names. */
function proofLines(): Map<string, string> {
  const lines = new Map<string, string>();
  let name = '';
  for (const line of pinnedBlock('proof').split('\n')) {
    name = line.slice(0, 14).trim() || name;
    lines.set(name, (lines.get(name) ?? '') + line.slice(14));
  }
  return lines;
}

test('the worked proof, read off the page, is right', () => {
  assert.is(pinnedBlock('proof'), workedProof());
  const lines = proofLines();
  const bytes = (name: string) => bytesOfHex(lines.get(name) as string);
  for (const side of ['client', 'server'] as const) {
    const signs = proofBytes({
      side,
      serverNonce: bytes('server nonce'),
      clientNonce: bytes('client nonce'),
      serviceId: new TextDecoder().decode(bytes('service id')),
    });
    // By hand, as the sentence above the example says.
    const word = new TextEncoder().encode(`claimd-${side}-v1`);
    const nonces = lines.get('server nonce') as string;
    const byHand = `${hexOf(word)}00${nonces}${lines.get('client nonce')}${lines.get('service id')}`;
    assert.is(hexOf(signs), byHand);
    assert.is(lines.get(`${side} signs`), byHand);
    const proof = createHmac('sha256', bytes('service key')).update(bytesOfHex(byHand)).digest('hex');
    assert.is(lines.get(`${side} proof`), proof);
  }
  assert.is.not(lines.get('client proof'), lines.get('server proof'));
});

test('the header is drawn', () => {
  assert.ok(README.includes('4 |  version: u8  |   kind: u8    |    op: u8     |   flags: u8   |'));
});

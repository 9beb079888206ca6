/**
 * Every attack on the TCP door, and what it must end with: the pinned reason of a CLOSE notice, or the code of an answer
 * where the connection stays.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { ErrorName } from '../../../protocol/errors.ts';
import { LIMITS } from '../../../protocol/limits.ts';
import { OPS } from '../../../protocol/ops.ts';
import type { Chance } from '../../../protocol/testing/random.ts';
import type { ServiceCredential } from '../../credentials/data-folder.ts';
import { claimFrame, claimWith, frameOf, lengthOf, nested, withByte } from './frames.ts';
import type { RawPeer } from './raw-peer.ts';

export type Tools = { chance: Chance; service: ServiceCredential; isOver: () => boolean };
export type TcpAttack = {
  name: string;
  /** Before the peer has said who it is, or after READY. */
  when: 'stranger' | 'ready';
  ends: 'closes' | 'answers';
  expected: ErrorName;
  /** How long the server may wait before it ends it; the suite leaves out what takes long. */
  takesMs: number;
  act(peer: RawPeer, tools: Tools): void | Promise<void>;
};

const DRIP_MS = 100;
const AT = { version: 4, kind: 5, flags: 7 } as const;

type Act = TcpAttack['act'];
type Row = [expected: ErrorName, name: string, act: Act, takesMs?: number];

async function drip(peer: RawPeer, bytes: Uint8Array, { isOver }: Tools): Promise<void> {
  for (const byte of bytes) {
    if (isOver() || peer.socket.destroyed) return;
    peer.send(Uint8Array.of(byte));
    await delay(DRIP_MS);
  }
}

/** Random bytes whose first four are an impossible length. */
function noise({ chance }: Tools, length: number): Uint8Array {
  return Buffer.concat([Uint8Array.of(0xff), chance.bytes(length)]);
}

/** Whose claim the server does not know and must commit first, so that it is in flight for a while. */
function newUser({ chance }: Tools): string {
  return `hostile${chance.integer(2 ** 31)}`;
}

const STRANGERS: readonly Row[] = [
  ['FRAME_TOO_LARGE', 'random bytes', (peer, tools) => peer.send(noise(tools, 5_000))],
  ['FRAME_TOO_LARGE', 'an HTTP request', (peer) => peer.send(Buffer.from('GET / HTTP/1.1\r\nHost: x\r\n\r\n'))],
  ['FRAME_TOO_LARGE', 'a length of 4 GiB', (peer) => peer.send(lengthOf(0xffffffff))],
  [
    'FRAME_TOO_LARGE',
    'a length of 4 KiB and a byte',
    (peer) => peer.send(lengthOf(LIMITS.frameBytesMaxBeforeReady + 1)),
  ],
  ['FRAME_MALFORMED', 'a length of 0', (peer) => peer.send(lengthOf(0))],
  [
    'FRAME_MALFORMED',
    'random bytes behind a small length',
    (peer, { chance }) => peer.send(lengthOf(64), Uint8Array.of(0x66), chance.bytes(63)),
  ],
  ['HANDSHAKE_EXPECTED', 'a claim before HELLO', (peer) => peer.send(claimFrame(1))],
  [
    'HANDSHAKE_EXPECTED',
    'a HELLO nested 4,000 deep',
    (peer) => peer.send(frameOf(nested(4_000), { op: OPS.HELLO.op })),
  ],
  [
    'HANDSHAKE_EXPECTED',
    'a HELLO that is no MessagePack',
    (peer) => peer.send(frameOf(Buffer.alloc(40, 0xc1), { op: OPS.HELLO.op })),
  ],
  [
    'FRAME_TOO_LARGE',
    'garbage behind HELLO',
    async (peer, tools) => peer.send(await peer.hello(tools.service), noise(tools, 2_000)),
  ],
  [
    'HANDSHAKE_EXPECTED',
    'a claim behind HELLO',
    async (peer, { service }) => peer.send(await peer.hello(service), claimFrame(1)),
  ],
  [
    'HANDSHAKE_EXPECTED',
    'half a claim behind HELLO',
    async (peer, { service }) => peer.send(await peer.hello(service), claimFrame(1).subarray(0, 20)),
  ],
  [
    'HANDSHAKE_EXPECTED',
    'a proof of 31 bytes',
    async (peer, { service }) => peer.send(await peer.hello(service, { proof: new Uint8Array(31) })),
  ],
  [
    'HANDSHAKE_REFUSED',
    'a wrong proof',
    async (peer, { chance, service }) => peer.send(await peer.hello(service, { proof: chance.bytes(32) })),
  ],
  [
    'HANDSHAKE_REFUSED',
    'a proof over another nonce',
    async (peer, { chance, service }) => peer.send(await peer.hello(service, { nonce: chance.bytes(32) })),
  ],
  [
    'HANDSHAKE_REFUSED',
    'an unknown service',
    async (peer, { service }) => peer.send(await peer.hello(service, { serviceId: 'nobody' })),
  ],
  [
    'VERSION_UNSUPPORTED',
    'a HELLO of version 9',
    async (peer, { service }) => peer.send(await peer.hello(service, { version: 9 })),
  ],
  ['HANDSHAKE_TIMEOUT', 'silence', () => {}, LIMITS.handshakeMs],
  [
    'HANDSHAKE_TIMEOUT',
    'half a HELLO',
    async (peer, { service }) => peer.send((await peer.hello(service)).subarray(0, 50)),
    LIMITS.handshakeMs,
  ],
  [
    'HANDSHAKE_TIMEOUT',
    'a HELLO byte by byte',
    async (peer, tools) => drip(peer, await peer.hello(tools.service), tools),
    LIMITS.handshakeMs,
  ],
];

const CLOSING: readonly Row[] = [
  ['FRAME_TOO_LARGE', 'garbage after READY', (peer, tools) => peer.send(noise(tools, 50_000))],
  ['FRAME_TOO_LARGE', 'a length of 4 GiB after READY', (peer) => peer.send(lengthOf(0xffffffff))],
  ['FRAME_TOO_LARGE', 'a length of 1 MiB and a byte', (peer) => peer.send(lengthOf(LIMITS.frameBytesMax + 1))],
  ['FRAME_TOO_LARGE', 'garbage behind a claim', (peer, tools) => peer.send(claimFrame(7), noise(tools, 2_000))],
  ['FRAME_MALFORMED', 'a frame without a body', (peer) => peer.send(lengthOf(8), new Uint8Array(8))],
  ['FRAME_MALFORMED', 'another protocol version', (peer) => peer.send(withByte(AT.version, 2))],
  ['FRAME_MALFORMED', 'an unknown kind', (peer) => peer.send(withByte(AT.kind, 9))],
  ['FRAME_MALFORMED', 'a notice of its own', (peer) => peer.send(withByte(AT.kind, 3))],
  ['FRAME_MALFORMED', 'a reply to nothing', (peer) => peer.send(withByte(AT.kind, 2))],
  ['FRAME_MALFORMED', 'a reserved flag', (peer) => peer.send(withByte(AT.flags, 1))],
  [
    'NUMBER_REUSED',
    'one number twice',
    (peer, tools) => peer.send(claimFrame(7, newUser(tools)), claimFrame(7, newUser(tools))),
  ],
  [
    'TOO_MANY_IN_FLIGHT',
    'one request too many',
    (peer, tools) => {
      const numbers = Array.from({ length: LIMITS.inFlightFramesMax + 1 }, (_, number) => number);
      peer.send(...numbers.map((number) => claimFrame(number, newUser(tools))));
    },
  ],
  ['FRAME_TIMEOUT', 'half a claim', (peer) => peer.send(claimFrame(7).subarray(0, 20)), LIMITS.frameMs],
  ['FRAME_TIMEOUT', 'half a length', (peer) => peer.send(lengthOf(100).subarray(0, 2)), LIMITS.frameMs],
  ['FRAME_TIMEOUT', 'a claim byte by byte', (peer, tools) => drip(peer, frameOf(nested(200)), tools), LIMITS.frameMs],
  ['IDLE_TIMEOUT', 'no answer to pings', () => {}, LIMITS.idleMs],
];

const ANSWERED: readonly Row[] = [
  ['OP_UNKNOWN', 'an unknown op', (peer) => peer.send(frameOf(Uint8Array.of(0x90), { op: 200 }))],
  ['OP_UNKNOWN', 'a notice op as a request', (peer) => peer.send(frameOf(Uint8Array.of(0x90), { op: OPS.GOAWAY.op }))],
  ['OP_UNKNOWN', 'a second HELLO', async (peer, { service }) => peer.send(await peer.hello(service))],
  ['BAD_REQUEST', 'a body nested 1,000,000 deep', (peer) => peer.send(frameOf(nested(1_000_000)))],
  [
    'BAD_REQUEST',
    'a body nested 9 deep',
    (peer) => peer.send(frameOf(Buffer.concat([nested(9), Uint8Array.of(0xc0)]))),
  ],
  ['BAD_REQUEST', 'an array of 4 billion', (peer) => peer.send(frameOf(Buffer.from([0xdd, 0xff, 0xff, 0xff, 0xff])))],
  ['BAD_REQUEST', 'a map of 4 billion', (peer) => peer.send(claimWith(0xdf, 0xff, 0xff, 0xff, 0xff))],
  ['BAD_REQUEST', 'a string of 4 GiB', (peer) => peer.send(claimWith(0xdb, 0xff, 0xff, 0xff, 0xff))],
  [
    'BAD_REQUEST',
    '1,000,000 empty arrays',
    (peer) =>
      peer.send(frameOf(Buffer.concat([Buffer.from([0xdd, 0, 0x0f, 0x42, 0x40]), Buffer.alloc(1_000_000, 0x90)]))),
  ],
  [
    'BAD_REQUEST',
    'random bytes as a body',
    (peer, { chance }) => peer.send(frameOf(Buffer.concat([Uint8Array.of(0xc1), chance.bytes(500)]))),
  ],
  ['BAD_REQUEST', 'a map for a body', (peer) => peer.send(frameOf(Uint8Array.of(0x80)))],
  ['BAD_REQUEST', 'a float for an integer', (peer) => peer.send(claimWith(0xcb, 0x40, 0x8f, 0x40, 0, 0, 0, 0, 0))],
  ['BAD_REQUEST', 'not a number', (peer) => peer.send(claimWith(0xcb, 0x7f, 0xf8, 0, 0, 0, 0, 0, 0))],
  [
    'BAD_REQUEST',
    'an integer of 64 bits',
    (peer) => peer.send(claimWith(0xcf, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff)),
  ],
  ['BAD_REQUEST', 'an extension', (peer) => peer.send(claimWith(0xd4, 0x01, 0x00))],
  ['BAD_REQUEST', 'a record definition', (peer) => peer.send(claimWith(0xd4, 0x72, 0x40, 0x91, 0xa1, 0x61, 0x01))],
  ['BAD_REQUEST', 'a timestamp', (peer) => peer.send(claimWith(0xd6, 0xff, 0, 0, 0, 1))],
  ['BAD_REQUEST', 'bytes behind the body', (peer) => peer.send(claimWith(0xc0, 0xc0, 0xc0))],
  ['BAD_REQUEST', 'text that is not UTF-8', (peer) => peer.send(claimWith(0xa2, 0xc3, 0x28))],
  ['BAD_REQUEST', 'a __proto__', (peer) => peer.send(claimWith(0x81, 0xa9, ...Buffer.from('__proto__'), 0x80))],
];

function attacks(rows: readonly Row[], when: TcpAttack['when'], ends: TcpAttack['ends']): TcpAttack[] {
  return rows.map(([expected, name, act, takesMs = 0]) => ({ name, when, ends, expected, takesMs, act }));
}

export const TCP_ATTACKS: readonly TcpAttack[] = [
  ...attacks(STRANGERS, 'stranger', 'closes'),
  ...attacks(CLOSING, 'ready', 'closes'),
  ...attacks(ANSWERED, 'ready', 'answers'),
];

/**
 * Where a request came from, as limits and the audit log take it. Forwarding headers count only as far as they were
 * written by proxies that are trusted: read from the right, the first address that no such proxy has is the caller's.
 */
import type { IncomingMessage } from 'node:http';
import { BlockList, isIP } from 'node:net';
import { clip } from '../protocol/reply.ts';

const MAPPED_IPV4 = '::ffff:';
const ADDRESS_BITS = { 4: 32, 6: 128 } as const;

export class Callers {
  readonly #proxies = new BlockList();
  readonly #trustsSome: boolean;

  /** IP addresses or blocks of them, such as `10.0.0.0/8`. Throws a TypeError for anything else. */
  constructor(proxies: readonly string[]) {
    this.#trustsSome = proxies.length > 0;
    for (const proxy of proxies) {
      const [address = '', bits] = proxy.split('/', 2);
      const version = isIP(address);
      const length = Number(bits ?? ADDRESS_BITS[version === 6 ? 6 : 4]);
      if (version === 0 || !Number.isInteger(length)) throw new TypeError(`"${proxy}" is no address of a proxy`);
      this.#proxies.addSubnet(address, length, version === 6 ? 'ipv6' : 'ipv4');
    }
  }

  /** Null when the caller has gone meanwhile. */
  addressOf({ socket, headers }: Pick<IncomingMessage, 'socket' | 'headers'>): string | null {
    let address = plain(socket.remoteAddress ?? '');
    if (this.#trustsSome) {
      const forwarded = String(headers['x-forwarded-for'] ?? '').split(',');
      for (let next = forwarded.pop(); next !== undefined && this.#isProxy(address); next = forwarded.pop()) {
        const named = plain(next.trim());
        // A trusted proxy that names no address says nothing about whatever stands further left.
        if (isIP(named) === 0) break;
        address = named;
      }
    }
    return address === '' ? null : address;
  }

  #isProxy(address: string): boolean {
    return this.#proxies.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4');
  }
}

/** IPv4 as a socket of both versions shows it is IPv4 all the same. */
function plain(address: string): string {
  return address.startsWith(MAPPED_IPV4) && address.includes('.') ? address.slice(MAPPED_IPV4.length) : address;
}

/** At most 512 characters of what the caller's program calls itself; null when it says nothing. */
export function userAgentOf({ headers }: Pick<IncomingMessage, 'headers'>): string | null {
  const given = headers['user-agent'];
  return given === undefined ? null : clip(given);
}

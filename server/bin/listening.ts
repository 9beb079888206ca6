/** Names the setting when an address cannot be had, which the system's own error does not. */
import { StartFailed } from './refused.ts';
import { type Address, addressText } from './setting-values.ts';

const REASONS: Readonly<Record<string, string>> = {
  EADDRINUSE: 'is in use',
  EACCES: 'may not be taken by this user',
  EADDRNOTAVAIL: 'is not an address of this machine',
  ENOTFOUND: 'names an unknown host',
};

/** Rejects with StartFailed. */
export async function listening(flag: string, address: Address, listen: () => Promise<Address>): Promise<Address> {
  try {
    return await listen();
  } catch (error) {
    const { code = '', message } = error as NodeJS.ErrnoException;
    throw new StartFailed(`${flag} ${addressText(address)} ${REASONS[code] ?? `cannot be listened on: ${message}`}`);
  }
}

/** What ends an archive and is for the operator to see to; everything else that ends one is a store that does not answer, or a bug. */
export class ArchiveRefused extends Error {
  constructor(detail: string, options?: ErrorOptions) {
    super(detail, options);
    this.name = 'ArchiveRefused';
  }
}

/** The failure of a disk as one line about the folder; anything else as it is. */
export function asRefused(error: unknown, directory: string): unknown {
  if (!(error instanceof Error) || !('code' in error) || !('syscall' in error)) return error;
  const { code } = error;
  const what = code === 'ENOSPC' || code === 'EDQUOT' ? 'no space is left' : `${error.syscall} failed with ${code}`;
  return new ArchiveRefused(`${what} in ${directory}: what was not archived by then is still in the store`, {
    cause: error,
  });
}

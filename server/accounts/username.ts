/**
 * Names that people type into the one form by which they are compared: NFKC, then case folded, so that neither width nor
 * case nor composition makes two users of one name. Pure.
 */

/** Letters, marks, numbers and a few joints: nothing invisible, nothing that breaks a line or a `name:password`. */
const NAME = /^[\p{L}\p{N}][\p{L}\p{M}\p{N}._@+-]*$/u;
const LENGTH_MAX = 64;
export const USERNAME_RULE = '1…64 letters, digits, . _ @ + -, a letter or digit first';

/** Null when the name breaks the rule. */
export function usernameKeyOf(username: string): string | null {
  const key = folded(username);
  return key.length <= LENGTH_MAX && NAME.test(key) ? key : null;
}

/** The beginning of a key, from the beginning of a name. */
export function usernamePrefixOf(prefix: string): string {
  return folded(prefix);
}

/**
 * JavaScript has no case folding. Upper, then lower case folds what lower case alone leaves apart, such as ß and ss or
 * the two small sigmas; folding can undo the normal form, so it is made again.
 */
function folded(name: string): string {
  return name.normalize('NFKC').toUpperCase().toLowerCase().replaceAll('ς', 'σ').normalize('NFKC');
}

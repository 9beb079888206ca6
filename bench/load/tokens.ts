/** One access token for each user of a job, signed before the clock starts. */
import { accessTokenOf, signingKeyOf } from '../credentials/access-token.ts';
import type { TokenSigner } from '../credentials/data-folder.ts';
import { userIdOf } from './ids.ts';
import type { Claims } from './job.ts';

export function signedTokens({ userCount, userTag }: Claims, signer: TokenSigner): string[] {
  if (userCount === null) throw new Error('claims over HTTP need a number of users: each has a token of their own');
  const key = signingKeyOf(signer);
  return Array.from({ length: userCount }, (_, index) => accessTokenOf(userIdOf(index, userTag), key));
}

/**
 * A bare fastify route as a process: it checks the bearer token as claimd's edge must (ES256, issuer, audience, end) on each
 * request and answers a claim that it makes up. No server behind it, no store, no promise. Argument: a folder with the
 * token key.
 */
import fastify from 'fastify';
import jwt from 'jsonwebtoken';
import { publicKeyOf } from '../credentials/access-token.ts';
import { credentialsOf } from '../credentials/data-folder.ts';

const { signer } = await credentialsOf(process.argv[2] ?? '.');
const key = publicKeyOf(signer);
const { issuer, audience } = signer;

function madeUp(eventKey: string, userId: string, requestId: string) {
  return {
    claimKey: `${eventKey}/-/${userId}`,
    eventKey,
    period: '-',
    userId,
    requestId,
    grantedAt: new Date().toISOString(),
    configVersion: 1,
    slot: null,
    rewards: [{ kind: 'currency', id: 'gold', amount: 100 }],
    delivery: { state: 'PENDING', attempts: 0, fulfilledAt: null },
    nextClaimAt: null,
  };
}

const app = fastify({ logger: false });
app.post<{ Params: { eventKey: string } }>('/v1/events/:eventKey/claims', async (request, reply) => {
  const token = request.headers.authorization?.slice('Bearer '.length) ?? '';
  const { sub = '' } = jwt.verify(token, key, { algorithms: ['ES256'], issuer, audience }) as jwt.JwtPayload;
  const requestId = `${request.headers['idempotency-key']}`;
  reply.code(201).header('idempotency-key', requestId);
  return { outcome: 'GRANTED', claim: madeUp(request.params.eventKey, sub, requestId) };
});
const url = await app.listen({ host: '127.0.0.1', port: 0 });
process.stdout.write(`route ready http=${url}\n`);
process.on('SIGTERM', () => process.exit(0));

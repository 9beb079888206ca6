/**
 * Text that is ready to go. fastify would add a charset to every JSON type unless a serialiser is set, and media types
 * such as `application/problem+json` have none. Bytes would be left alone too, but node writes head and text in one
 * piece and head and bytes in two, and that `writev` led the profile of the claim route.
 */
import type { FastifyReply } from 'fastify';

function asItIs(text: unknown): string {
  return text as string;
}

export function sendText(reply: FastifyReply, text: string): FastifyReply {
  return reply.serializer(asItIs).send(text);
}

/** How a refusal is told: in the form of the door whose address was called, and as `application/problem+json` elsewhere. */
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { DialectName } from '../contract/call.ts';
import type { Dialect } from '../contract/dialect.ts';
import { sendDoorError } from './door.ts';
import { asGoblinError, sendProblem } from './problem.ts';

/** Under this prefix all addresses are those of vendors, whose clients read nothing but their own errors. */
const DOORS = '/v1/';

/** The doors by address; what lies beside them is for whoever says so. */
const OF_PATH: readonly (readonly [prefix: string, door: DialectName])[] = [
  ['/v1/messages', 'anthropic'],
  ['/v1/chat/', 'openai'],
  ['/v1/embeddings', 'openai'],
  ['/v1/responses', 'responses'],
];

const begins = (path: string, prefix: string): boolean =>
  path.startsWith(prefix) && (prefix.endsWith('/') || path.length === prefix.length || path[prefix.length] === '/');

/** Also of addresses that nothing is at: Anthropic's clients say which version of their API they mean. */
export function doorOf({ url, headers }: Pick<FastifyRequest, 'url' | 'headers'>): DialectName | null {
  const path = url.split('?', 1)[0] ?? '';
  if (!path.startsWith(DOORS)) return null;
  const found = OF_PATH.find(([prefix]) => begins(path, prefix));
  return found?.[1] ?? (headers['anthropic-version'] === undefined ? 'openai' : 'anthropic');
}

export function sendRefusal(
  dialects: Partial<Record<DialectName, Dialect>>,
  error: unknown,
  request: FastifyRequest,
  reply: FastifyReply,
): FastifyReply {
  const name = doorOf(request);
  const door = name === null ? undefined : dialects[name]?.door;
  return door ? sendDoorError(door, reply, asGoblinError(error)) : sendProblem(error, request, reply);
}

/** Parameters of the address, checked by name. */
import type { FastifyRequest } from 'fastify';
import { GoblinError } from '../contract/errors.ts';
import { isRequestId } from '../ledger/ids.ts';

export function wrong(path: string, message: string): never {
  throw new GoblinError('invalid_request', `${path} ${message}.`, { errors: [{ path, message }] });
}

/** Unknown parameters are refused by name; a parameter given twice too. */
export function readQuery(request: Pick<FastifyRequest, 'query'>, names: string[]): Record<string, string | undefined> {
  const query = request.query as Record<string, unknown>;
  for (const [name, value] of Object.entries(query)) {
    if (!names.includes(name)) wrong(name, `is not a parameter here; there are ${names.join(', ')}`);
    if (typeof value !== 'string') wrong(name, 'must be given once');
  }
  return query as Record<string, string | undefined>;
}

export function readNumber(
  query: Record<string, string | undefined>,
  name: string,
  least: number,
  most: number,
  fallback: number,
): number {
  const text = query[name];
  if (text === undefined) return fallback;
  const value = Number(text);
  if (!/^\d{1,16}$/.test(text) || value < least || value > most)
    wrong(name, `must be a whole number from ${least} to ${most}`);
  return value;
}

export function notFound(id: string): GoblinError {
  return new GoblinError('not_found', `There is no request ${id.slice(0, 64)}.`);
}

/** What is said of a request whose content was erased. */
export const erased = (id: string): GoblinError =>
  new GoblinError('gone', 'The content of this request was erased.', { requestId: id });

/** Throws 404 for what cannot be an id: it is as unknown as any other. */
export function readId(request: FastifyRequest): string {
  const id = (request.params as { id: string }).id;
  if (!isRequestId(id)) throw notFound(/^[\x20-\x7e]*$/.test(id) ? id : 'with that id');
  return id;
}

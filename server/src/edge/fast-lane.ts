/**
 * The usual call of the busiest doors, past the framework: 10 µs of the 110 that a small answer costs. Whatever is not
 * the usual (a browser, a key that must be looked up, a body without its length, any refusal) takes the framework's
 * way, where the same functions answer: nothing is decided here.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Caller } from '../contract/caller.ts';
import type { Identify } from '../identity/identify.ts';
import type { Answer } from './answer-door.ts';
import type { Held } from './held.ts';

export interface FastLaneOptions {
  /** By address, a query included. */
  doors: ReadonlyMap<string, Answer>;
  bodyLimit: number;
  hostAllowed(host: string): boolean;
  identify: Identify;
  held: Pick<Held, 'hold'>;
}

/** True when the call was taken. */
export type FastLane = (request: IncomingMessage, response: ServerResponse) => boolean;

export function createFastLane(options: FastLaneOptions): FastLane {
  function known(request: IncomingMessage): Caller | null {
    try {
      const caller = options.identify(request.headers);
      if (caller instanceof Promise) {
        // The framework's way asks again, and answers a refusal.
        caller.catch(() => {});
        return null;
      }
      return caller.permissions.has('request:write') && !caller.cookie ? caller : null;
    } catch {
      return null;
    }
  }

  return (request, response) => {
    if (request.method !== 'POST') return false;
    const answer = options.doors.get(request.url ?? '');
    if (answer === undefined) return false;
    const { headers } = request;
    if (headers.origin !== undefined || headers.expect !== undefined || headers['content-type'] !== 'application/json')
      return false;
    if (headers['content-encoding'] !== undefined) return false;
    const length = Number(headers['content-length']);
    if (!(length > 0 && length <= options.bodyLimit) || !options.hostAllowed(headers.host ?? '')) return false;
    const caller = known(request);
    if (!caller) return false;
    options.held.hold(request, response, caller);
    let first: Buffer | null = null;
    let more: Buffer[] | null = null;
    request.on('data', (chunk: Buffer) => {
      if (first === null) first = chunk;
      else if (more === null) more = [first, chunk];
      else more.push(chunk);
    });
    request.on('end', () => answer(caller, headers, more === null ? first : Buffer.concat(more), response));
    return true;
  };
}

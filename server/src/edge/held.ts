/**
 * Which connections are open, and by whom, so that those of a credential that was revoked can be ended. A connection is
 * noted once, not a call: a call costs two assignments.
 */
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Caller, Standing } from '../contract/caller.ts';

export interface Held {
  /** The call has a caller. */
  hold(request: IncomingMessage, response: ServerResponse, caller: Caller): void;
  callers(): Iterable<Caller>;
  /** Ends every connection on which an answer to it is under way. */
  end(standing: Standing): void;
}

interface Answering {
  response: ServerResponse;
  caller: Caller;
}

/** What a connection is at; more than one only for a client that sends before it was answered. */
interface Line {
  now: Answering | null;
  /** Which key was last used on it, and for whom a proxy said that it speaks. */
  key: string | null;
  from: string | string[] | undefined;
  others: Answering[];
}

/**
 * `first`: told when a connection is first used by a key, and when it goes on with another one; `proxied`: also when it
 * speaks for another address.
 */
export function createHeld(
  first: (caller: Caller, request: IncomingMessage) => void = () => {},
  proxied = false,
): Held & { watch(server: Server): void } {
  const lines = new Map<Socket, Line>();

  const isOpen = ({ response }: Answering): boolean => !response.writableFinished && !response.destroyed;

  /** Lets go of what is over on the way: a connection that rests must not keep its last answer in memory. */
  function* answering(line: Line): Generator<Answering> {
    if (line.now && !isOpen(line.now)) line.now = null;
    if (line.now) yield line.now;
    for (const one of line.others) if (isOpen(one)) yield one;
  }

  return {
    watch(server) {
      server.on('connection', (socket: Socket) => {
        lines.set(socket, { now: null, key: null, from: undefined, others: [] });
        socket.once('close', () => lines.delete(socket));
      });
    },
    hold(request, response, caller) {
      const line = lines.get(request.socket);
      if (!line) return;
      const from = proxied ? request.headers['x-forwarded-for'] : undefined;
      if (caller.key !== null && (caller.key !== line.key || from !== line.from)) {
        line.key = caller.key;
        line.from = from;
        first(caller, request);
      }
      if (line.now !== null && isOpen(line.now)) line.others = [...line.others.filter(isOpen), line.now];
      line.now = { response, caller };
    },
    *callers() {
      for (const line of lines.values()) for (const { caller } of answering(line)) yield caller;
    },
    end(standing) {
      for (const [socket, line] of lines) {
        for (const { caller } of answering(line)) {
          if (caller.standing === standing) socket.destroy();
        }
      }
    },
  };
}

/** Calls that two readers could understand in two ways: refused before anything is done with them. */
import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { GoblinError } from '../contract/errors.ts';

/** Connections on which something was refused before it was a call: nothing more of them is read. */
const shut = new WeakSet<Socket>();

/**
 * Whether nobody can say where the call ends: Node takes any coding but `chunked` for no body at all, and would read the
 * body as the next call (RFC 9112 §6.3 has it refused).
 */
export function endsUnclear({ headers, socket }: IncomingMessage): boolean {
  const coding = headers['transfer-encoding'];
  return shut.has(socket) || (coding !== undefined && coding.toLowerCase() !== 'chunked');
}

/** Says that it was not read, once, and closes the connection. */
export function refuse(socket: Socket): void {
  if (!socket.writable || shut.has(socket)) return;
  shut.add(socket);
  // A call that was answered already gets no second answer: whoever stands before us could give it to somebody else.
  if (socket.bytesWritten > 0) {
    socket.destroySoon();
    return;
  }
  const body =
    '{"type":"urn:goblin:error:invalid_request","title":"The request cannot be read","status":400,"code":"invalid_request","detail":"The request is not valid HTTP, or its headers are too large."}';
  socket.end(
    `HTTP/1.1 400 Bad Request\r\ncontent-type: application/problem+json\r\nx-should-retry: false\r\ncontent-length: ${body.length}\r\nconnection: close\r\n\r\n${body}`,
  );
}

/** No id, name or parameter has a NUL in it, and PostgreSQL takes none. */
export function holdsNul(url: string): GoblinError | null {
  return url.includes('%00')
    ? new GoblinError('invalid_request', 'An address holds no NUL (%00); leave it out.')
    : null;
}

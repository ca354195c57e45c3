/** What attacks need: bytes on a socket as nobody's client would send them, and the table of who may call what. */
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { pathOf } from '../../scripts/docs.ts';
import type { Addressed } from './api.ts';

export interface Reply {
  /** Status of each answer on the connection, in order. */
  statuses: number[];
  text: string;
  /** The server closed the connection by itself. */
  closed: boolean;
}

/** A busy machine may let a server stand still for seconds before it says what it is asked for. */
const PATIENCE_MS = 15_000;

/**
 * Sends bytes, in pieces if there are several, and waits until the server closes or says nothing for `quietMs`. Until so
 * many answers as there are `least` have come, silence says nothing.
 */
export function exchange(
  server: Addressed,
  pieces: string | readonly string[],
  quietMs = 400,
  pauseMs = 20,
  least = 0,
): Promise<Reply> {
  const { hostname, port } = new URL(server.address);
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), hostname);
    let text = '';
    let closed = false;
    let quiet: NodeJS.Timeout;
    const statuses = () => [...text.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map(([, status]) => Number(status));
    const done = () => {
      clearTimeout(quiet);
      socket.destroy();
      resolve({ statuses: statuses(), text, closed });
    };
    const wait = () => {
      clearTimeout(quiet);
      quiet = setTimeout(done, statuses().length < least ? PATIENCE_MS : quietMs);
    };
    socket.setEncoding('latin1').on('data', (chunk: string) => {
      text += chunk;
      wait();
    });
    socket.on('end', () => {
      closed = true;
      done();
    });
    socket.on('error', (error: NodeJS.ErrnoException) => {
      closed = true;
      if (error.code === 'ECONNRESET' || error.code === 'EPIPE') done();
      else reject(error);
    });
    socket.on('connect', async () => {
      for (const piece of [pieces].flat()) {
        if (!socket.destroyed) socket.write(Buffer.from(piece, 'latin1'));
        await new Promise((next) => setTimeout(next, pauseMs));
      }
      wait();
    });
  });
}

export interface Route {
  method: string;
  /** With `:id` and `*`. */
  url: string;
  needs: string;
  viewer: string;
}

/** The golden table, which a test holds against a running server. */
export function allRoutes(): Route[] {
  return readFileSync(pathOf('docs/access.md'), 'utf8')
    .split('\n')
    .filter((line) => line.startsWith('| `'))
    .map((line) => {
      const [route = '', needs = '', , viewer = ''] = line
        .split('|')
        .slice(1)
        .map((cell) => cell.trim().replaceAll('`', ''));
      const [method = '', url = ''] = route.split(' ');
      return { method, url, needs, viewer };
    });
}

/** An address of the route, with something of the right form in the place of its parameters. */
export function addressOf(url: string): string {
  return url
    .replace('/:scope/:id', '/key/key_0000000000000000')
    .replace(':provider/*', 'simulator/files')
    .replace('/v1/models/*', '/v1/models/simulator/goblin-sim')
    .replace('/docs/*', '/docs/x')
    .replace(':name', 'corp')
    .replace(':user', 'usr_0000000000000000')
    .replace(/:\w+/g, '01890a5d-ac96-774b-bcce-b302099a8057');
}

/**
 * Syslog over UDP (RFC 5426), TCP (RFC 6587) and TLS (RFC 5425). Nothing in these protocols says that a message has
 * arrived. Over a connection it counts as told when the other side has closed its half after ours: then its system has
 * taken everything that came before.
 */
import { createSocket } from 'node:dgram';
import { lookup } from 'node:dns';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { hostWhyNot } from '../guard/egress.ts';
import { EgressRefused, guarded } from './pools.ts';

export interface SyslogPlace {
  kind: 'udp' | 'tcp' | 'tls';
  host: string;
  port: number;
  /** For tests: whom to believe beside the usual ones. */
  ca?: string;
}

/** One visit to the sink. */
export interface Telling {
  /** Resolves when it may be given more. */
  write(messages: readonly string[]): Promise<void>;
  /** Resolves when all that was written counts as told. */
  finish(): Promise<void>;
  /** Gives up. */
  drop(): void;
}

const CONNECT_MS = 10_000;
/** A sink that takes nothing for so long is away. */
const STALL_MS = 15_000;
/** A sink that never closes its half is believed after so long without an error. */
const FINISH_MS = 5000;
/** What a datagram of IPv4 carries. */
export const MOST_DATAGRAM = 65_507;

/** Rejects with an `Error` that is safe to show. The operator has named the address: it may be private. */
export async function openSyslog(place: SyslogPlace, notClosed: () => void = () => {}): Promise<Telling> {
  const why = hostWhyNot(place.host, 'private');
  if (why !== null) throw new EgressRefused(why);
  return place.kind === 'udp' ? await openUdp(place) : await openConnection(place, notClosed);
}

async function openUdp({ host, port }: SyslogPlace): Promise<Telling> {
  const { address, family } = await new Promise<{ address: string; family: number }>((resolve, reject) => {
    guarded(lookup, 'private')(host, {}, (error, found, of) => {
      if (error) reject(error);
      else resolve({ address: String(found), family: of ?? 4 });
    });
  });
  const socket = createSocket(family === 6 ? 'udp6' : 'udp4');
  // A connected one hears when nobody is at the port.
  socket.connect(port, address);
  await once(socket, 'connect');
  let refused: Error | null = null;
  socket.on('error', (error) => {
    refused = error;
  });
  return {
    async write(messages) {
      for (const message of messages) {
        if (refused) throw refused;
        await new Promise<void>((resolve, reject) => {
          socket.send(message, (error) => (error ? reject(error) : resolve()));
        });
      }
    },
    async finish() {
      // What says that nobody is there comes back by then, on the same machine at least.
      await new Promise((resolve) => setTimeout(resolve, 20));
      socket.close();
      if (refused) throw refused;
    },
    drop: () => socket.close(),
  };
}

async function openConnection(place: SyslogPlace, notClosed: () => void): Promise<Telling> {
  const { kind, host, port, ca } = place;
  const options = { host, port, lookup: guarded(lookup, 'private'), noDelay: true };
  const socket: Socket = kind === 'tls' ? connectTls({ ...options, ...(ca ? { ca } : {}) }) : connect(options);
  // Whatever it says is of no interest, but must be read for its end to be heard.
  socket.resume();
  let failed: Error | null = null;
  socket.on('error', (error) => {
    failed ??= error;
  });
  let closed = false;
  socket.on('close', () => {
    closed = true;
  });
  const gone = (): Error => failed ?? new Error('the sink closed the connection');

  async function until(event: string, ms: number, late: string): Promise<void> {
    if (closed || failed) throw gone();
    const waiting = new AbortController();
    const timer = setTimeout(() => {
      failed ??= new Error(late);
      socket.destroy();
    }, ms);
    try {
      await Promise.race([
        once(socket, event, { signal: waiting.signal }),
        once(socket, 'close', { signal: waiting.signal }).then(() => {
          throw gone();
        }),
      ]);
    } finally {
      clearTimeout(timer);
      waiting.abort();
    }
  }

  try {
    await until(kind === 'tls' ? 'secureConnect' : 'connect', CONNECT_MS, `no connection within ${CONNECT_MS} ms`);
  } catch (error) {
    socket.destroy();
    throw error;
  }
  return {
    async write(messages) {
      if (closed || failed || socket.readableEnded) throw gone();
      if (!socket.write(messages.join(''))) await until('drain', STALL_MS, `nothing was taken for ${STALL_MS} ms`);
    },
    finish() {
      return new Promise((resolve, reject) => {
        if (closed || failed || socket.readableEnded) {
          reject(gone());
          return;
        }
        const timer = setTimeout(() => {
          notClosed();
          socket.destroy();
          resolve();
        }, FINISH_MS);
        socket.once('close', () => {
          clearTimeout(timer);
          if (failed || !socket.readableEnded) reject(gone());
          else resolve();
        });
        socket.once('end', () => socket.destroy());
        socket.end();
      });
    },
    drop: () => socket.destroy(),
  };
}

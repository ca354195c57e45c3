/** A TCP proxy with the faults of networks: slow, sliced, reset, refused, and half-open (nothing closes, nothing comes). */
import { createServer, type Server, Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from './daemon.ts';

export interface FaultProxy {
  port: number;
  /** Each piece of data takes this long, in both directions; the order is kept. */
  latency(ms: number): void;
  /** Data is passed on in pieces of at most this many bytes; null: as it came. */
  slice(maxBytes: number | null): void;
  /** All open connections end with RST, on both sides. */
  reset(): void;
  /** New connections are refused while it is on. */
  refuse(on: boolean): Promise<void>;
  /** Bytes go nowhere and nothing is closed; new connections are taken and get no answer. */
  freeze(): void;
  /** What was held back goes on. */
  thaw(): void;
  /** Open connections now. */
  connections(): number;
  /** Bytes that came from clients so far. */
  received(): number;
  close(): Promise<void>;
}

interface Pair {
  client: Socket;
  target: Socket;
}

export async function startFaultProxy(targetPort: number, targetHost = '127.0.0.1'): Promise<FaultProxy> {
  const pairs = new Set<Pair>();
  let latencyMs = 0;
  let most: number | null = null;
  let frozen: Promise<void> | null = null;
  let melt = () => {};
  let bytes = 0;

  /** One direction of one connection: takes, delays, cuts, passes on; ends when its source ends. */
  async function pump(from: Socket, to: Socket, note: (length: number) => void): Promise<void> {
    try {
      for await (const chunk of from as AsyncIterable<Buffer>) {
        note(chunk.length);
        if (latencyMs > 0) await sleep(latencyMs);
        const size = most ?? chunk.length;
        for (let at = 0; at < chunk.length; at += size) {
          while (frozen) await frozen;
          const piece = chunk.subarray(at, at + size);
          if (!to.write(piece)) await new Promise((resolve) => to.once('drain', resolve).once('close', resolve));
          // A turn between pieces, or they would be joined again.
          if (size < chunk.length) await new Promise(setImmediate);
        }
      }
      while (frozen) await frozen;
      to.end();
    } catch {
      while (frozen) await frozen;
      to.destroy();
    }
  }

  const server: Server = createServer({ allowHalfOpen: true, noDelay: true }, (client) => {
    const target = new Socket({ allowHalfOpen: true });
    const pair = { client, target };
    pairs.add(pair);
    const done = () => {
      if (client.destroyed && target.destroyed) pairs.delete(pair);
    };
    for (const socket of [client, target]) socket.on('error', () => {}).on('close', done);
    const begin = async () => {
      while (frozen) await frozen;
      if (client.destroyed) return;
      target.setNoDelay(true);
      target.connect(targetPort, targetHost);
      target.once('error', () => client.resetAndDestroy());
      await Promise.all([
        pump(client, target, (length) => {
          bytes += length;
        }),
        pump(target, client, () => {}),
      ]);
      client.destroy();
      target.destroy();
    };
    void begin();
  });
  const listen = (port: number) =>
    new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(port, '127.0.0.1', () => {
        server.off('error', reject);
        resolve();
      });
    });
  // It listens again after it was away: on a port that nobody is given meanwhile.
  const port = await freePort();
  await listen(port);
  // The tests' own end does not wait for it.
  server.unref();

  const stopListening = () =>
    new Promise<void>((resolve) => {
      // Its callback waits for open connections; that it listens no more is true at once.
      server.close(() => {});
      setImmediate(resolve);
    });
  const reset = () => {
    for (const { client, target } of pairs) {
      client.resetAndDestroy();
      target.resetAndDestroy();
    }
  };
  const thaw = () => {
    frozen = null;
    melt();
  };

  return {
    port,
    latency: (ms) => {
      latencyMs = ms;
    },
    slice: (maxBytes) => {
      most = maxBytes;
    },
    reset,
    async refuse(on) {
      if (on && server.listening) await stopListening();
      else if (!on && !server.listening) await listen(port);
    },
    freeze() {
      frozen ??= new Promise((resolve) => {
        melt = resolve;
      });
    },
    thaw,
    connections: () => pairs.size,
    received: () => bytes,
    async close() {
      thaw();
      reset();
      if (server.listening) await stopListening();
    },
  };
}

/** A listener that must hear nothing, a name server that changes its mind, and processes that ask it and call nobody else. */
import { readFileSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type DnsStub, startDns } from './dns-stub.ts';
import { tempFolder } from './server.ts';

const PRELOAD = fileURLToPath(new URL('./dns-preload.mjs', import.meta.url));
/** Somebody's public address: no connection to it is made, only noted. */
export const PUBLIC = '93.184.215.14';

export interface Trap {
  port: number;
  /** Paths of requests that came. */
  heard: string[];
  connections: number;
}

export interface Range {
  dns: DnsStub;
  trap: Trap;
  /** For processes under attack. */
  env: Record<string, string>;
  /** Connections that would have left the machine, a line each. */
  noted(): string;
  /** A new name with these answers, in turn. */
  named(...answers: readonly (readonly string[])[]): string;
  startTrap(answer: http.RequestListener): Promise<Trap>;
  close(): void;
}

export async function startRange(): Promise<Range> {
  const closing: (() => void)[] = [];
  const dns = await startDns();
  const notes = join(tempFolder(), 'notes');
  writeFileSync(notes, '');
  let count = 0;

  async function startTrap(answer: http.RequestListener): Promise<Trap> {
    const made: Trap = { port: 0, heard: [], connections: 0 };
    const listener = http.createServer((request, response) => {
      made.heard.push(request.url ?? '');
      answer(request, response);
    });
    listener.on('connection', () => made.connections++);
    // Both families: ::1 and 127.0.0.1.
    await new Promise<void>((ready) => listener.listen(0, '::', ready));
    made.port = (listener.address() as AddressInfo).port;
    closing.push(() => {
      listener.closeAllConnections();
      listener.close();
    });
    return made;
  }

  return {
    dns,
    trap: await startTrap((_request, response) => response.end('{"keys":[]}')),
    env: { NODE_OPTIONS: `--import=${PRELOAD}`, ATTACK_DNS_PORT: String(dns.port), ATTACK_NOTES: notes },
    noted: () => readFileSync(notes, 'utf8'),
    named(...answers) {
      const name = `n${++count}.attack.test`;
      dns.set(name, ...answers);
      return name;
    },
    startTrap,
    close() {
      dns.close();
      for (const close of closing) close();
    },
  };
}

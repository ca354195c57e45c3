/** From where a caller calls: the address of the connection, or what a proxy that is trusted says of it. */
import type { IncomingMessage } from 'node:http';
import { isIP } from 'node:net';
import proxyAddress from '@fastify/proxy-addr';

export type AddressOf = (request: Pick<IncomingMessage, 'headers' | 'socket'>) => string | undefined;

/**
 * `proxies`: addresses and networks (`10.0.0.0/8`) whose `X-Forwarded-For` is believed, from the right until the first
 * that is none of them; what stands before it anybody can write. Empty: nobody is believed.
 */
export function createAddressOf(proxies: readonly string[]): AddressOf {
  if (proxies.length === 0) return ({ socket }) => socket.remoteAddress;
  const trusted = proxyAddress.compile([...proxies]);
  return (request) => {
    const { remoteAddress } = request.socket;
    if (remoteAddress === undefined) return undefined;
    // A proxy may write ports, and words for what it does not know.
    const hops = proxyAddress.all(request as IncomingMessage).map(withoutPort);
    let seen = remoteAddress;
    for (const [n, hop] of hops.entries()) {
      if (isIP(hop) === 0) break;
      seen = hop;
      if (!trusted(hop, n)) break;
    }
    return seen;
  };
}

const NAMED = ['loopback', 'linklocal', 'uniquelocal'];

/** An address, a network that is not everything, or one of the names for some of them. */
export function isProxy(text: string): boolean {
  if (!NAMED.includes(text) && isIP(text.split('/')[0] as string) === 0) return false;
  try {
    proxyAddress.compile([text]);
    return true;
  } catch {
    return false;
  }
}

function withoutPort(address: string): string {
  const [, inside] = /^\[([0-9a-f:.]+)\](?::\d{1,5})?$/i.exec(address) ?? [];
  if (inside !== undefined) return inside;
  return /^\d+\.\d+\.\d+\.\d+:\d{1,5}$/.test(address) ? (address.split(':')[0] as string) : address;
}

/** Makes ioredis clients for an address: for commands, for waiting, for listening. None reconnects by itself. */
import { Cluster, type ClusterOptions, Redis, type RedisOptions } from 'ioredis';
import { type Client, CONNECT_MS } from './redis-line.ts';
import type { Host, RedisAddress } from './redis-url.ts';

/** A command without an answer for this long is over; whether it took effect is then unknown. Longer than a PING may take. */
export const COMMAND_MS = 1_250;

/** `disconnectTimeout` is an option of ioredis that its types leave out: how long a goodbye may take. */
const GOODBYE = { disconnectTimeout: 200 } as RedisOptions;

export function makeClient(address: RedisAddress, name: string, commandMs: number): Client {
  const common: RedisOptions = {
    ...GOODBYE,
    // RESP2 is what every server, proxy and managed service speaks; we need nothing of RESP3.
    protocol: 2,
    lazyConnect: true,
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    autoResubscribe: false,
    retryStrategy: () => null,
    maxRetriesPerRequest: 0,
    connectTimeout: CONNECT_MS,
    commandTimeout: commandMs,
    connectionName: name,
    disableClientInfo: true,
    ...(address.username === undefined ? {} : { username: address.username }),
    ...(address.password === undefined ? {} : { password: address.password }),
    ...(address.tls ? { tls: address.tls } : {}),
  };
  if (address.kind === 'cluster') {
    const options: ClusterOptions = {
      lazyConnect: true,
      enableOfflineQueue: false,
      clusterRetryStrategy: () => null,
      slotsRefreshTimeout: COMMAND_MS,
      maxRedirections: 4,
      redisOptions: common,
      // The names in certificates are those that the nodes give.
      ...(address.tls ? { dnsLookup: (host, done) => done(null, host) } : {}),
    };
    return new Cluster([...address.hosts], options);
  }
  if (address.kind === 'sentinel') {
    return new Redis({
      ...common,
      db: address.db,
      sentinels: [...address.hosts],
      name: address.master,
      sentinelRetryStrategy: () => null,
      sentinelCommandTimeout: COMMAND_MS,
      ...(address.sentinelUsername === undefined ? {} : { sentinelUsername: address.sentinelUsername }),
      ...(address.sentinelPassword === undefined ? {} : { sentinelPassword: address.sentinelPassword }),
      ...(address.tls ? { enableTLSForSentinelMode: true, sentinelTLS: address.tls } : {}),
    });
  }
  return new Redis({ ...common, db: address.db, ...address.hosts[0] });
}

/**
 * A connection that listens. In a cluster every node hears what any node is told, so it is one node, another one each
 * time; ioredis' own for this cannot be looked at, and would not notice a half-open node.
 */
export function makeListener(address: RedisAddress, name: string, commands: Client | null): Client {
  if (address.kind !== 'cluster') return makeClient(address, name, COMMAND_MS);
  const known: Host[] = [...address.hosts];
  if (commands instanceof Cluster) {
    for (const { options } of commands.nodes('master')) {
      if (options.host && options.port) known.push({ host: options.host, port: options.port });
    }
  }
  const host = known[Math.floor(Math.random() * known.length)] ?? address.hosts[0];
  return makeClient({ ...address, kind: 'single', hosts: [host] }, name, COMMAND_MS);
}

/** Every node that takes writes. */
export function mastersOf(client: Client): Redis[] {
  return client instanceof Cluster ? client.nodes('master') : [client];
}

/** The server behind the connection has become another one than it was: it takes no writes now, or not yet. */
export function turned(error: unknown): boolean {
  return /^(READONLY|MASTERDOWN|LOADING|CLUSTERDOWN|UNBLOCKED)/.test((error as Error).message);
}

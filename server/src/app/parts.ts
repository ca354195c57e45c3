/** What a house is put together from: drivers, and what is configured. */
import type { Bus, Ledger, Queue, Rates, Sql } from '../contract/ports.ts';
import type { RedisLink } from '../drivers/redis-link.ts';
import type { Ring } from '../identity/ring.ts';
import type { Sealer } from '../identity/sealer.ts';
import type { Secrets } from '../identity/secrets.ts';
import type { TenantBodies } from '../identity/tenant-bodies.ts';
import type { Clock } from '../ledger/clock.ts';
import type { ProcessKind } from '../ledger/processes.ts';
import type { Transport } from '../providers/transport.ts';
import type { Recorder } from '../telemetry/telemetry.ts';
import type { Audit } from './audit.ts';
import type { Config } from './config.ts';
import type { Live } from './live.ts';

export interface Parts {
  config: Config;
  role: ProcessKind;
  /** Null only under a bench's own ledger. */
  sql: Sql | null;
  ledger: Ledger;
  /** The time of the database. */
  clock: Clock;
  queue: Queue;
  bus: Bus;
  /** What stands behind queue and bus; null when they are inside the process. */
  redis: Pick<RedisLink, 'numbers'> | null;
  /** Counts of all processes; null when there are none but this one's. */
  rates: Rates | null;
  /** Null only under a bench's own ledger. */
  audit: Audit | null;
  live: Live;
  transport: Transport;
  recorder: Recorder;
  /** The secret in use. */
  secret: string;
  /** The same, and those that may still be read. */
  ring: Ring;
  secrets: Secrets;
  sealer: Sealer;
  bodies: TenantBodies;
  instance: string;
  /** Our mark on calls to vendors: says nothing about the machine. */
  hop: string;
}

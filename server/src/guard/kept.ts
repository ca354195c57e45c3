/** What tenants' documents come to in this process: made once for each version, and in step with the other processes. */
import { GoblinError } from '../contract/errors.ts';
import type { Sql, Telemetry } from '../contract/ports.ts';
import type { Stored, Versions } from './versions.ts';

export interface KeptDeps<D, T> {
  /** Null: there is no record, so no tenant has anything. */
  sql: Pick<Sql, 'query' | 'lostFor'> | null;
  telemetry: Pick<Telemetry, 'log'>;
  versions: Versions<D>;
  /** Rejects, or throws, for a document that makes no sense: then nothing of the tenant is let in. */
  make(stored: Stored<D>): T | Promise<T>;
  /** What it holds, for people: "policies". */
  what: string;
}

export interface Kept<T> {
  /** Undefined: the tenant has none. Throws `unavailable` when they cannot be read, or may have changed unseen. */
  of(tenant: string): T | undefined;
  /** Whether any tenant has some. Throws as `of`. */
  any(): boolean;
  /** After the record was away: waits until what was changed meanwhile is known. Null: nothing to wait for. Rejects with `unavailable`. */
  ready(): Promise<void> | null;
  /** Takes a version that was saved here: it holds at once. */
  take(tenant: string, version: number): Promise<void>;
  /** Told with each sweep which version of all rules stands in the record: another one is read. */
  looked(rules: number): void;
  close(): void;
}

/** What nobody could look at for so long, with the record there, may have been changed: nothing is let in. */
const STALE_MS = 15_000;
const SECOND = 1000;

interface Own<T> {
  version: number;
  /** Null: it cannot be read. */
  made: { of: T } | null;
}

/** Rejects when the record cannot be asked. */
export async function keepVersions<D, T>({ sql, telemetry, versions, make, what }: KeptDeps<D, T>): Promise<Kept<T>> {
  const own = new Map<string, Own<T>>();
  let looked = performance.now();
  let looking = false;
  /** The record was away since. */
  let behind = false;
  let catching: Promise<void> | null = null;
  let seen: number | null = null;

  let last: Promise<void> = Promise.resolve();

  /** One after the other: a newer version never gives way to an older one that was read at the same time. */
  function take(tenant: string, version: number): Promise<void> {
    const taken = last.then(() => read(tenant, version));
    last = taken.catch(() => {});
    return taken;
  }

  async function read(tenant: string, version: number): Promise<void> {
    const known = own.get(tenant);
    if (sql === null || (known && known.version > version)) return;
    const stored = await versions.read(sql, tenant, version);
    if (stored === null) return;
    try {
      own.set(tenant, { version, made: { of: await make(stored) } });
    } catch (error) {
      own.set(tenant, { version, made: null });
      if (known?.version === version) return;
      telemetry.log('error', `${what} cannot be read; nothing of the tenant is let in`, {
        tenant,
        version,
        error: error instanceof Error ? error.message : String(error),
      });
    }
  }

  async function look(): Promise<void> {
    if (sql === null) return;
    for (const { tenant, version } of await versions.newest(sql)) {
      const known = own.get(tenant);
      if (known && (known.version > version || (known.version === version && known.made !== null))) continue;
      await take(tenant, version);
    }
  }

  const unreadable = (cause?: unknown) =>
    new GoblinError('unavailable', `The ${what} cannot be read right now, so nothing is let in.`, {
      retryAfterMs: 5000,
      cause,
    });

  await look();
  // While the record is away nothing of it can be known to have changed, and nothing new is let in anyway.
  const away =
    sql === null
      ? null
      : setInterval(() => {
          if (sql.lostFor() === null) return;
          looked = performance.now();
          behind = true;
        }, SECOND).unref();

  async function catchUp(): Promise<void> {
    try {
      await look();
      looked = performance.now();
      behind = false;
    } catch (error) {
      throw unreadable(error);
    } finally {
      catching = null;
    }
  }

  function fresh(): void {
    if (away !== null && performance.now() - looked > STALE_MS) throw unreadable();
  }

  return {
    of(tenant) {
      fresh();
      const known = own.get(tenant);
      if (known === undefined) return undefined;
      if (known.made === null) throw unreadable();
      return known.made.of;
    },
    any() {
      fresh();
      return own.size > 0;
    },
    ready() {
      if (!behind || sql === null || sql.lostFor() !== null) return null;
      catching ??= catchUp();
      return catching;
    },
    take,
    looked(rules) {
      if (rules === seen) {
        looked = performance.now();
        behind = false;
      }
      if (rules === seen || looking) return;
      looking = true;
      look()
        .then(
          () => {
            seen = rules;
            looked = performance.now();
            behind = false;
          },
          (error: unknown) => {
            if (sql?.lostFor() === null)
              telemetry.log('error', `${what} could not be looked at`, { error: String(error) });
          },
        )
        .finally(() => {
          looking = false;
        });
    },
    close() {
      if (away !== null) clearInterval(away);
    },
  };
}

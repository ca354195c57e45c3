/**
 * When the depth of the queue must be counted. Counting a deep queue costs milliseconds, so it is done once a second for
 * a tenant that is far from its cap, and with every write for one that is near it.
 */

export interface QueueCaps {
  /** Requests that may wait: of one tenant, and of all. */
  perTenant: number;
  total: number;
}

export interface Gauge {
  mustLook(tenants: readonly string[]): boolean;
  saw(tenant: string, queued: number, total: number): void;
  added(tenant: string): void;
}

/** Others may have added meanwhile: below this share of the cap a count of the last second is good enough. */
const FAR = 0.8;
const FRESH_MS = 1000;
/** Counting this few costs nothing. */
const SMALL = 1000;
const MOST_REMEMBERED = 10_000;

export function createGauge(caps: QueueCaps, now: () => number = () => performance.now()): Gauge {
  const tenants = new Map<string, { queued: number; at: number }>();
  const all = { queued: 0, at: Number.NEGATIVE_INFINITY };

  return {
    mustLook(list) {
      if (list.length === 0) return false;
      if (caps.perTenant <= SMALL || caps.total <= SMALL) return true;
      const at = now();
      if (at - all.at > FRESH_MS || all.queued + list.length >= caps.total * FAR) return true;
      for (const tenant of list) {
        const known = tenants.get(tenant);
        if (!known || at - known.at > FRESH_MS || known.queued + list.length >= caps.perTenant * FAR) return true;
      }
      return false;
    },
    saw(tenant, queued, total) {
      const at = now();
      const known = tenants.get(tenant);
      if (known) Object.assign(known, { queued, at });
      else {
        if (tenants.size >= MOST_REMEMBERED) tenants.clear();
        tenants.set(tenant, { queued, at });
      }
      Object.assign(all, { queued: total, at });
    },
    added(tenant) {
      const known = tenants.get(tenant);
      if (known) known.queued++;
      all.queued++;
    },
  };
}

/** What users have waiting, as far as this process knows. */
export interface Lines {
  /** How many stand before the next one; null when they must be counted. */
  before(line: string): number | null;
  counted(line: string, waiting: number): void;
  added(line: string): void;
}

/**
 * A count is good for a second. What was added since may have ended already, so it counts no more than this and the
 * count itself: nobody is set back for long by what no longer waits.
 */
const GUESSED = 32;

export function createLines(now: () => number = () => performance.now()): Lines {
  const lines = new Map<string, { waiting: number; added: number; at: number }>();
  return {
    before(line) {
      const known = lines.get(line);
      if (!known || now() - known.at > FRESH_MS) return null;
      return known.waiting + Math.min(known.added, known.waiting + GUESSED);
    },
    counted(line, waiting) {
      if (lines.size >= MOST_REMEMBERED) lines.clear();
      lines.set(line, { waiting, added: 0, at: now() });
    },
    added(line) {
      const known = lines.get(line);
      if (known) known.added++;
    },
  };
}

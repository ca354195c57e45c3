/**
 * Goes through the erasures that were ordered, step by step, on whichever process takes one; and lets this process forget
 * what it remembers of content when an erasure, here or elsewhere, needs that.
 */
import type { Bus, Ledger, Sql, Telemetry } from '../contract/ports.ts';
import { anyLetsGo, erasureStep, takeErasure } from '../ledger/erase-user.ts';
import { PATIENCE_MS } from '../ledger/index.ts';

export interface ErasureDeps {
  sql: Sql;
  ledger: Pick<Ledger, 'forget' | 'lostFor'>;
  bus: Pick<Bus, 'drop'>;
  /** Ends a request that still runs or waits. */
  cancel(tenant: string, id: string): Promise<unknown>;
  /** Drops answers and values that this process remembers. */
  forget(): void;
  telemetry: Telemetry;
}

export interface Erasures {
  /** There is something to do. */
  wake(): void;
  /** Told of the version of rules with each sweep: it grows when an erasure needs every process to let go. */
  looked(rules: number): void;
  /** The version up to which this process has let go: told with every heartbeat. */
  letGo(): number;
  /** This process stood still, and others believed that it was dead. */
  stoodStill(): void;
  stop(): Promise<void>;
}

/** A write that began before this process forgot what it had stored is over by then, or the record counts as lost. */
const WRITTEN_MS = PATIENCE_MS + 1000;
/** Two that lock the same rows, or one that waits for a lock in vain: it comes again. */
const AGAIN = new Set(['40P01', '55P03']);

export function startErasures(deps: ErasureDeps): Erasures {
  const { sql, ledger, telemetry } = deps;
  let working: Promise<void> | null = null;
  let stopped = false;
  let seen: number | null = null;
  let known = 0;
  /** Since when what was remembered is forgotten, and for which version. */
  let forgotten: { at: number; version: number } | null = null;

  async function work(): Promise<void> {
    for (;;) {
      const of = stopped ? null : await takeErasure(sql);
      if (!of) return;
      for (;;) {
        const { next, erased, running } = await erasureStep(sql, of);
        for (const id of erased) deps.bus.drop(id);
        for (const id of running) await deps.cancel(of.tenant, id).catch(() => {});
        if (next !== 'again' || stopped) break;
      }
    }
  }

  function forget(version: number): void {
    ledger.forget();
    deps.forget();
    forgotten = { at: performance.now(), version };
  }

  async function look(version: number): Promise<void> {
    if (await anyLetsGo(sql)) forget(version);
    else known = Math.max(known, version);
  }

  return {
    wake() {
      if (working || stopped) return;
      working = work()
        .catch((error: unknown) => {
          const met = AGAIN.has((error as { sqlState?: string }).sqlState ?? '');
          if (!met && sql.lostFor() === null)
            telemetry.log('error', 'an erasure failed; it is tried again', { error: String(error) });
        })
        .finally(() => {
          working = null;
        });
    },
    looked(version) {
      if (version === seen) return;
      const before = seen;
      seen = version;
      look(version).catch(() => {
        // It is asked again with the next sweep.
        if (seen === version) seen = before;
      });
    },
    letGo() {
      if (forgotten && ledger.lostFor() === null && performance.now() - forgotten.at > WRITTEN_MS) {
        known = Math.max(known, forgotten.version);
        forgotten = null;
      }
      return known;
    },
    stoodStill() {
      if (seen !== null) forget(seen);
    },
    async stop() {
      stopped = true;
      await working;
    },
  };
}

/** Whether what was opened by a credential may stay open. The record decides; the bus only says when to look. */
import type { Caller, Standing } from '../contract/caller.ts';
import { type Bus, type Sql, STANDING, type Telemetry } from '../contract/ports.ts';
import type { Changed } from './identify.ts';
import { usableKeys } from './keys.ts';
import { standingSessions } from './sessions.ts';

/** What is open in this process, and by whom. */
export interface Open {
  callers(): Iterable<Caller>;
  /** Ends everything that was opened by it. */
  end(standing: Standing): void;
}

export interface Guard {
  /** Something was taken away or changed: every process looks again. */
  changed(changed: Changed): void;
  close(): void;
}

/** How often a process looks by itself, while something is open: messages may be lost. */
const LOOK_MS = 2000;

// Which of these may go on: keys ($1), sessions ($2), accounts ($3), tenants ($4).
const STAND = `
select 'key' as kind, id from (${usableKeys('$1')}) k
union all select 'session', id from (${standingSessions('$2')}) s
union all select 'account', id from mcp_user where disabled_at is null and id in (select json_array_elements_text($3::json))
union all select 'tenant', id from mcp_tenant where disabled_at is null and id in (select json_array_elements_text($4::json))`;

export interface GuardDeps {
  sql: Sql;
  bus: Bus;
  telemetry: Telemetry;
  open: Open;
  forget(changed: Changed | null): void;
  now(): number;
}

export function startGuard({ sql, bus, telemetry, open, forget, now }: GuardDeps): Guard {
  let looking: Promise<void> | null = null;
  let again = false;

  async function ended(standings: readonly Standing[]): Promise<Standing[]> {
    const ids = (of: (standing: Standing) => string | null) =>
      JSON.stringify([...new Set(standings.flatMap((standing) => of(standing) ?? []))]);
    const rows = await sql.query<{ kind: string; id: string }>(STAND, [
      ids(({ key }) => key),
      ids(({ session }) => session),
      ids(({ account }) => account),
      ids(({ tenant }) => tenant),
    ]);
    const there = new Set(rows.map(({ kind, id }) => `${kind} ${id}`));
    const stands = (kind: Changed['kind'], id: string | null) => id === null || there.has(`${kind} ${id}`);
    return standings.filter(
      (one) =>
        one.until <= now() ||
        !stands('key', one.key) ||
        !stands('session', one.session) ||
        !stands('account', one.account) ||
        !stands('tenant', one.tenant),
    );
  }

  async function look(): Promise<void> {
    const standings = new Set<Standing>();
    for (const { standing } of open.callers()) if (standing && !standing.ended) standings.add(standing);
    if (standings.size === 0) return;
    for (const standing of await ended([...standings])) {
      standing.ended = true;
      open.end(standing);
    }
  }

  function lookNow(): void {
    if (looking) {
      again = true;
      return;
    }
    looking = look()
      .catch((error: unknown) => {
        // While the record is away nothing can have been revoked that it knows of.
        telemetry.log('debug', 'what is open could not be checked', { error: String(error) });
      })
      .finally(() => {
        looking = null;
        if (!again) return;
        again = false;
        lookNow();
      });
  }

  const unfollow = bus.follow(STANDING, (message) => {
    forget(message.type === 'standing' ? readChanged(message.changed) : null);
    lookNow();
  });
  const timer = setInterval(lookNow, LOOK_MS).unref();

  return {
    changed(changed) {
      bus.publish(STANDING, { type: 'standing', changed: { kind: changed.kind, id: changed.id } });
    },
    close() {
      clearInterval(timer);
      unfollow();
    },
  };
}

const KINDS: readonly string[] = ['key', 'session', 'account', 'tenant'] satisfies Changed['kind'][];

/** Null, which stands for all, for what another build may say. */
function readChanged(said: unknown): Changed | null {
  const { kind, id } = (said ?? {}) as Partial<Changed>;
  return kind !== undefined && KINDS.includes(kind) && typeof id === 'string' ? { kind, id } : null;
}

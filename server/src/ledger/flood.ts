/**
 * Events that callers can bring about as often as they like must not fill the trail: the first of a kind are written as
 * they come, the rest of a minute is one event with their count.
 */
import type { Ledger } from '../contract/ports.ts';

interface Kind {
  /** Fields of the payload that make two events the same. */
  by: readonly string[];
  /** Those that are written one by one, in each minute. */
  most: number;
}

const KINDS: Readonly<Record<string, Kind>> = {
  'request.refused': { by: ['code', 'key', 'user', 'where', 'reason'], most: 1 },
  // Each request has its own.
  'guard.finding': { by: ['rule', 'action', 'key'], most: 20 },
  'guardrail.failed': { by: ['stage', 'why'], most: 20 },
};

interface Open {
  tenant: string;
  type: string;
  request: string | undefined;
  same: Record<string, unknown>;
  until: number;
  written: number;
  more: number;
}

const MINUTE_MS = 60_000;
const LOOK_MS = 5000;
/** Kinds of a minute that are told apart; what comes after them is counted without its fields. */
const MOST = 10_000;

/** Costs a process at rest nothing. `idle` writes the counts that are open. */
export function withoutFloods(ledger: Ledger, now: () => number = () => performance.now()): Ledger {
  const open = new Map<string, Open>();
  let timer: NodeJS.Timeout | null = null;

  function placeOf(tenant: string, type: string, by: readonly string[], of: Record<string, unknown>, request?: string) {
    const named = Object.fromEntries(by.flatMap((name) => (of[name] === undefined ? [] : [[name, of[name]]])));
    const name = JSON.stringify([tenant, type, request, named]);
    const rest = JSON.stringify([tenant, type]);
    const known = open.get(name) ?? (open.size >= MOST ? open.get(rest) : undefined);
    if (known) return known;
    const full = open.size >= MOST;
    const made: Open = {
      tenant,
      type,
      request: full ? undefined : request,
      same: full ? {} : named,
      until: now() + MINUTE_MS,
      written: 0,
      more: 0,
    };
    open.set(full ? rest : name, made);
    timer ??= setInterval(() => void close(false), LOOK_MS).unref();
    return made;
  }

  /** Writes the counts of minutes that are over. Those of a time in which the record is away are lost. */
  async function close(all: boolean): Promise<void> {
    const at = now();
    const writes: Promise<void>[] = [];
    for (const [name, { tenant, type, request, same, until, more }] of open) {
      if (!all && until > at) continue;
      open.delete(name);
      if (more > 0)
        writes.push(ledger.note(tenant, type, { ...same, count: more, seconds: MINUTE_MS / 1000 }, request));
    }
    if (open.size === 0 && timer) {
      clearInterval(timer);
      timer = null;
    }
    await Promise.allSettled(writes);
  }

  return {
    ...ledger,
    async note(tenant, type, payload, request) {
      const kind = Object.hasOwn(KINDS, type) ? KINDS[type] : undefined;
      if (kind) {
        const one = placeOf(tenant, type, kind.by, payload, request);
        if (one.written >= kind.most) {
          one.more++;
          return;
        }
        one.written++;
      }
      await ledger.note(tenant, type, payload, request);
    },
    async idle() {
      if (ledger.lostFor() === null) await close(true);
      await ledger.idle();
    },
  };
}

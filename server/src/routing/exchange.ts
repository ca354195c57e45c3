/** What the processes tell each other of health, and what is taken over from them. */
import type { Records } from './records.ts';
import { readShared, type Shared, type SharedTarget } from './share.ts';

export interface Exchange {
  export(now: number): Shared;
  /** True: a state has changed by it. */
  import(shared: unknown, now: number): boolean;
}

/** What was said further ahead of our clock than this is not believed. */
const SKEW_MS = 60_000;
const MOST_PROCESSES = 256;
/** How long others are told of a state that is as it should be again, and remembered when they fall silent. */
const TOLD_MS = 10 * 60_000;

/** `since`: keys that were out before this time are not taken over, because somebody has acted since. */
export function createExchange(records: Records, process: string, since: number): Exchange {
  const { cooldowns, targets, uses } = records;
  const { windowMs } = records.rules.breaker;
  /** When each of the others spoke last, by its own clock. */
  const heard = new Map<string, number>();

  function forget(other: string): void {
    heard.delete(other);
    for (const target of targets.values()) target.stats.forgetProcess(other);
    for (const use of uses.values()) use.window.hear(other, []);
  }

  /** Older news of the same process change nothing. */
  function isFresh(shared: Shared, now: number): boolean {
    if (shared.at < (heard.get(shared.process) ?? 0) || shared.at > now + SKEW_MS) return false;
    for (const [other, at] of heard) if (now - at > TOLD_MS) forget(other);
    const [oldest] = heard.keys();
    if (oldest !== undefined && heard.size >= MOST_PROCESSES && !heard.has(shared.process)) forget(oldest);
    heard.delete(shared.process);
    heard.set(shared.process, shared.at);
    return true;
  }

  function hear(name: string, other: string, told: SharedTarget, counts: boolean, now: number): boolean {
    const slash = name.indexOf('/');
    const believed = <T extends { at: number }>(record: T | undefined): T | null =>
      record === undefined || record.at > now + SKEW_MS ? null : record;
    const breaker = believed(told.breaker);
    const forced = believed(told.forced);
    const stats = counts ? told.stats : undefined;
    if (slash <= 0 || (breaker === null && forced === null && stats === undefined)) return false;
    const target = targets.get(name) ?? records.target(name.slice(0, slash), name.slice(slash + 1));
    const before = target.breaker.record.state;
    const changed = target.breaker.hear(breaker, forced);
    if (before !== 'closed' && target.breaker.record.state === 'closed') target.stats.window.forget(now);
    if (stats !== undefined) target.stats.hear(other, stats, now);
    target.changed();
    return changed;
  }

  function told(name: string, now: number): SharedTarget | null {
    const target = targets.get(name);
    if (target === undefined) return null;
    const { record, forced } = target.breaker;
    const recent = (at: number): boolean => now - at < TOLD_MS;
    const stats = target.stats.summary(now);
    const shared: SharedTarget = {
      ...(record.version > 0 && (record.state !== 'closed' || recent(record.at)) ? { breaker: record } : {}),
      ...(forced !== null && (target.breaker.override(now) !== null || recent(forced.at)) ? { forced } : {}),
      ...(stats.rows.length > 0 || stats.latencyMs !== null ? { stats } : {}),
    };
    return Object.keys(shared).length === 0 ? null : shared;
  }

  return {
    export(now) {
      const shared: Shared = { v: 1, process, at: now, windowMs, targets: {}, keys: {}, rests: {} };
      for (const name of targets.keys()) {
        const target = told(name, now);
        if (target !== null) shared.targets[name] = target;
      }
      for (const [name, { window }] of uses) {
        const rows = window.rows(now);
        if (rows.length > 0) shared.keys[name] = rows;
      }
      for (const [name, rest] of cooldowns.export(now)) shared.rests[name] = rest;
      return shared;
    },

    import(value, now) {
      const shared = readShared(value);
      if (shared === null || shared.process === process) return false;
      const other = shared.process;
      const fresh = isFresh(shared, now);
      let changed = false;
      for (const [name, target] of Object.entries(shared.targets)) {
        if (hear(name, other, target, fresh && shared.windowMs === windowMs, now)) changed = true;
      }
      for (const [name, rest] of Object.entries(shared.rests)) {
        if (rest.at > now + SKEW_MS || (rest.until === null && rest.at < since)) continue;
        if (cooldowns.hear(name, rest)) changed = true;
      }
      if (!fresh) return changed;
      for (const [name, rows] of Object.entries(shared.keys)) {
        const hash = name.indexOf('#');
        if (hash > 0) records.use(name.slice(0, hash), name.slice(hash + 1)).window.hear(other, rows);
      }
      return changed;
    },
  };
}

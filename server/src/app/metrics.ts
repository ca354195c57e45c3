/** What operators are told: how ready a process is, and the numbers of all processes together. */
import type { TrailNumbers } from '../dispatch/trail-stream.ts';
import type { OperationsDeps, Readiness } from '../edge/operations.ts';
import { listProcesses, type ProcessRow } from '../ledger/processes.ts';
import type { TargetNumbers } from '../telemetry/telemetry.ts';
import type { House } from './assembly.ts';
import { type Counts, type Report, reportOf } from './report.ts';
import { targetRows } from './target-rows.ts';
import { VERSION } from './version.ts';

/** A brief outage must not take every process out of its load balancer at once. Milliseconds. */
const PATIENCE_MS = 30_000;

/** Asks nobody: what the drivers know. */
export function readinessOf(house: House): Readiness {
  const lost = house.ledger.lostFor();
  const missing = [
    ...(lost === null ? [] : ['database']),
    ...(house.redis && house.redis.numbers().state !== 'up' ? ['redis'] : []),
    ...(house.live.serves() ? [] : ['provider']),
    // Something was sealed with an MCP_SECRET that is not here.
    ...(house.providerKeys.lost() > 0 ? ['provider_keys'] : []),
  ];
  const nothing = missing.includes('provider') || (lost !== null && lost > PATIENCE_MS);
  return { status: nothing ? 'unavailable' : missing.length > 0 ? 'degraded' : 'ready', missing };
}

function add(to: Counts, more: Counts): void {
  for (const [name, n] of Object.entries(more)) to[name] = (to[name] ?? 0) + n;
}

/** A mean of medians, by the number of attempts behind each. */
function between(a: number | null, weightA: number, b: number | null, weightB: number): number | null {
  if (a === null || b === null) return a ?? b;
  const weight = weightA + weightB;
  return weight === 0 ? a : Math.round(((a * weightA + b * weightB) / weight) * 10) / 10;
}

function merge(one: TargetNumbers, other: TargetNumbers): TargetNumbers {
  const [attempts, errors] = [one.attempts + other.attempts, one.errors + other.errors];
  const median = (of: 'latency_p50_ms' | 'first_token_p50_ms') =>
    between(one[of], one.attempts, other[of], other.attempts);
  return {
    ...one,
    attempts,
    errors,
    error_rate: attempts === 0 ? 0 : errors / attempts,
    latency_p50_ms: median('latency_p50_ms'),
    first_token_p50_ms: median('first_token_p50_ms'),
  };
}

/** The one that is furthest behind says how it is. */
function trailOf(one: TrailNumbers, other: TrailNumbers): TrailNumbers {
  return {
    sink: one.sink,
    behind_ms: Math.max(one.behind_ms, other.behind_ms),
    writers_waiting: one.writers_waiting + other.writers_waiting,
    events_told: one.events_told + other.events_told,
    failures: one.failures + other.failures,
    problem: one.problem ?? other.problem,
  };
}

/** This process as it is now, the others as of their last heartbeat. */
function together(house: House, processes: readonly ProcessRow[]): Report {
  const all = reportOf(house);
  const targets = new Map(all.minute.targets.map((target) => [`${target.provider}\n${target.model}`, target]));
  for (const { id, report } of processes) {
    const other = report as Report | null;
    if (id === house.instance || !other?.minute) continue;
    add(all.minute.requests, other.minute.requests);
    add(all.load, other.load ?? {});
    for (const target of other.minute.targets) {
      const name = `${target.provider}\n${target.model}`;
      const known = targets.get(name);
      targets.set(name, known ? merge(known, target) : target);
    }
    if (all.trail && other.trail) all.trail = trailOf(all.trail, other.trail);
    if (all.ignored && other.ignored) {
      all.ignored = { tickets: { ...all.ignored.tickets }, messages: { ...all.ignored.messages } };
      add(all.ignored.tickets, other.ignored.tickets);
      add(all.ignored.messages, other.ignored.messages);
    }
  }
  return { ...all, minute: { ...all.minute, targets: [...targets.values()] } };
}

export function operations(house: House): OperationsDeps {
  const { config, live, sql } = house;
  return {
    readiness: () => readinessOf(house),
    async metrics() {
      const started = performance.now();
      // An operator asks above all when something is away: then he gets what this process knows by itself.
      const asked = await Promise.all([
        house.ledger.queueNumbers(),
        sql ? listProcesses(sql) : Promise.resolve([]),
      ]).catch(() => null);
      const [queue, processes] = asked ?? [null, []];
      const pool = sql?.pool();
      const { minute, ignored, load, trail } = together(house, processes);
      const now = Date.now();
      const redis = house.redis?.numbers();
      return {
        status: readinessOf(house).status === 'ready' ? 'ok' : 'degraded',
        queue: queue && { depth: queue.depth, running: queue.running, oldest_age_ms: queue.oldestAgeMs },
        database: {
          driver: pool?.driver ?? 'none',
          pool: {
            size: pool?.size ?? 0,
            idle: pool?.idle ?? 0,
            waiting: pool?.waiting ?? 0,
            backlog: house.ledger.backlog(),
          },
          latency_ms: asked ? Math.round((performance.now() - started) * 100) / 100 : null,
          away_ms: house.ledger.lostFor(),
        },
        redis: redis
          ? { ...redis, tickets_ignored: ignored?.tickets ?? {}, messages_ignored: ignored?.messages ?? {} }
          : null,
        workers: processes.map((process) => ({
          id: process.id,
          kind: process.kind,
          host: process.host,
          pid: process.pid,
          running: process.running,
          capacity: process.capacity,
          beat_age_ms: process.beatAgeMs,
        })),
        providers: targetRows({
          providers: live.providers(),
          minute: minute.targets,
          health: house.health.rows(now),
          rests: house.health.rests(now),
          load,
        }),
        // Of this process.
        cache: house.sharing.cache?.numbers() ?? null,
        audit_stream: trail,
        requests: { window_s: 60, ...minute.requests },
        process: {
          version: VERSION,
          rss_bytes: process.memoryUsage.rss(),
          uptime_s: Math.round(process.uptime()),
          auth: config.auth,
        },
      };
    },
  };
}

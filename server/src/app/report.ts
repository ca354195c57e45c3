/** What a process says of itself, so that any other can tell an operator. */
import type { TrailNumbers, TrailStream } from '../dispatch/trail-stream.ts';
import type { RedisLink } from '../drivers/redis-link.ts';
import type { HealthBook } from '../routing/book.ts';
import type { Minute, Recorder } from '../telemetry/telemetry.ts';
import { loadOf } from './target-rows.ts';

export type Counts = Record<string, number>;

export interface Reporting {
  recorder: Pick<Recorder, 'lastMinute'>;
  redis: Pick<RedisLink, 'numbers'> | null;
  health: Pick<HealthBook, 'rows'>;
  /** See dispatch/erasures.ts. */
  letGo?(): number;
  audit: { stream: TrailStream | null } | null;
}

/** What a process says of itself with every heartbeat. */
export interface Report {
  minute: Minute;
  ignored: { tickets: Counts; messages: Counts } | null;
  /** Calls that run, by `provider/model`. */
  load: Counts;
  /** Up to which version of the rules it has let go of erased content. */
  let_go: number;
  /** How far it is with telling the trail; null: it is not told. */
  trail: TrailNumbers | null;
}

export function reportOf({ recorder, redis, health, letGo, audit }: Reporting): Report {
  const numbers = redis?.numbers();
  return {
    minute: recorder.lastMinute(),
    load: loadOf(health.rows(Date.now())),
    let_go: letGo?.() ?? 0,
    trail: audit?.stream?.numbers() ?? null,
    ignored: numbers ? { tickets: numbers.tickets_ignored, messages: numbers.messages_ignored } : null,
  };
}

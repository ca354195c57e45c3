/** What a process says of itself, so that any other can tell an operator. */
import type { RedisLink } from '../drivers/redis-link.ts';
import type { HealthBook } from '../routing/book.ts';
import type { Minute, Recorder } from '../telemetry/telemetry.ts';
import { loadOf } from './target-rows.ts';

export type Counts = Record<string, number>;

export interface Reporting {
  recorder: Pick<Recorder, 'lastMinute'>;
  redis: Pick<RedisLink, 'numbers'> | null;
  health: Pick<HealthBook, 'rows'>;
}

/** What a process says of itself with every heartbeat. */
export interface Report {
  minute: Minute;
  ignored: { tickets: Counts; messages: Counts } | null;
  /** Calls that run, by `provider/model`. */
  load: Counts;
}

export function reportOf({ recorder, redis, health }: Reporting): Report {
  const numbers = redis?.numbers();
  return {
    minute: recorder.lastMinute(),
    load: loadOf(health.rows(Date.now())),
    ignored: numbers ? { tickets: numbers.tickets_ignored, messages: numbers.messages_ignored } : null,
  };
}

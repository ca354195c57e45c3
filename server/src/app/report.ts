/** What a process says of itself, so that any other can tell an operator. */
import type { RedisLink } from '../drivers/redis-link.ts';
import type { Minute, Recorder } from '../telemetry/telemetry.ts';

export type Counts = Record<string, number>;

export interface Reporting {
  recorder: Pick<Recorder, 'lastMinute'>;
  redis: Pick<RedisLink, 'numbers'> | null;
}

/** What a process says of itself with every heartbeat. */
export interface Report {
  minute: Minute;
  ignored: { tickets: Counts; messages: Counts } | null;
}

export function reportOf({ recorder, redis }: Reporting): Report {
  const numbers = redis?.numbers();
  return {
    minute: recorder.lastMinute(),
    ignored: numbers ? { tickets: numbers.tickets_ignored, messages: numbers.messages_ignored } : null,
  };
}

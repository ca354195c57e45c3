/**
 * Days and times as callers, flags and files write them. `Date.parse` takes the 30th of February for a day of March;
 * here only what the calendar has is read. All answers are milliseconds, null for what is none.
 */

// PostgreSQL knows no year 0, and no zone is further off than 14 hours.
const DAY = /^(?!0000)\d{4}-\d\d-\d\d$/;
const TIME = /^(\d{4}-\d\d-\d\d)T(?:[01]\d|2[0-3]):[0-5]\d(?::[0-5]\d(?:\.\d{1,9})?)?(?:Z|[+-](?:0\d|1[0-4]):[0-5]\d)$/;

/** `2026-01-31`: where it begins, in UTC. */
export function readDay(text: string): number | null {
  const at = DAY.test(text) ? Date.parse(text) : Number.NaN;
  return !Number.isNaN(at) && new Date(at).toISOString().startsWith(text) ? at : null;
}

/** `2026-01-31T12:00:00Z`, always with a zone: what is said without one means another time on each machine. */
export function readTime(text: string): number | null {
  const day = TIME.exec(text)?.[1];
  return day === undefined || readDay(day) === null ? null : Date.parse(text);
}

export const readDayOrTime = (text: string): number | null => readDay(text) ?? readTime(text);

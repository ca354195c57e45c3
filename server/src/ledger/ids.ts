/** Request ids are UUIDv7: they sort by time, and the day of every partition can be read from them. */
import { randomFillSync } from 'node:crypto';
import { v7 } from 'uuid';

/** Randomness for 256 ids at a time: asking the system for each id costs more than all the rest of it. */
const pool = new Uint8Array(16 * 256);
let used = pool.length;
let lastMs = 0;
let seq = 0;

/** Later ids of this process are greater, also within one millisecond. */
export function newRequestId(nowMs: number = Date.now()): string {
  if (used === pool.length) {
    randomFillSync(pool);
    used = 0;
  }
  const random = pool.subarray(used, used + 16);
  used += 16;
  const msecs = Math.max(Math.floor(nowMs), lastMs);
  if (msecs === lastMs) seq++;
  else seq = (((random[6] as number) << 8) | (random[7] as number)) & 0xffff;
  lastMs = msecs;
  return v7({ random, msecs, seq });
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

/** Whether a text could be one of our ids. Upper case is not. */
export const isRequestId = (text: string): boolean => UUID.test(text);

const DAY_MS = 86_400_000;
/** Nearly every id that is asked for is of the same day. */
let lastDay = { number: -1, text: '' };

/** UTC day of creation, `YYYY-MM-DD`: the partition of the body and the result. */
export function dayOf(id: string): string {
  const number = Math.floor(Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16) / DAY_MS);
  if (number !== lastDay.number) lastDay = { number, text: new Date(number * DAY_MS).toISOString().slice(0, 10) };
  return lastDay.text;
}

/** The lowest id that a request of that millisecond can have. Ids begin in 1970. */
export function lowestIdAt(ms: number): string {
  const hex = Math.max(ms, 0).toString(16).padStart(12, '0');
  return `${hex.slice(0, 8)}-${hex.slice(8)}-7000-8000-000000000000`;
}

/** Request ids are UUIDv7: they sort by time, and the day of every partition can be read from them. */
import { v7 } from 'uuid';

export const newRequestId = (): string => v7();

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

/** Whether a text could be one of our ids. Upper case is not. */
export const isRequestId = (text: string): boolean => UUID.test(text);

/** UTC day of creation, `YYYY-MM-DD`: the partition of the body and the result. */
export function dayOf(id: string): string {
  const ms = Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16);
  return new Date(ms).toISOString().slice(0, 10);
}

/** Tests that count by days are not begun right before the end of one (UTC). */
import { setTimeout as sleep } from 'node:timers/promises';

const DAY_MS = 86_400_000;

export async function calmDay(neededMs = 120_000): Promise<void> {
  const left = DAY_MS - (Date.now() % DAY_MS);
  if (left < neededMs) await sleep(left + 500);
}

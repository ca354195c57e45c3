/**
 * Waiting and measuring where any process may stand still: time in which this one did does not count, so a bound is
 * passed only when the code is slow.
 */
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';

const STEP_MS = 5;
/** A step that took longer was no waiting of ours. */
const MOST_MS = 15;

/** Steps while it is wanted; answers the milliseconds that count. */
async function walk(goesOn: (ms: number) => boolean | Promise<boolean>): Promise<number> {
  let ms = 0;
  for (let last = performance.now(); await goesOn(ms); ) {
    await sleep(STEP_MS);
    const now = performance.now();
    ms += Math.min(now - last, MOST_MS);
    last = now;
  }
  return ms;
}

/** Until it holds. The limit only catches what never comes. */
export async function until(what: () => boolean | Promise<boolean>, limitMs = 15_000): Promise<void> {
  await walk(async (ms) => {
    if (await what()) return false;
    assert.ok(ms < limitMs, `in ${limitMs} ms: ${what}`);
    return true;
  });
}

/** So long at least, and everything in this process gets its turns. */
export async function pause(forMs: number, goesOn: () => boolean = () => true): Promise<void> {
  await walk((ms) => ms < forMs && goesOn());
}

/** How long it took, within some milliseconds. Rejects as the work does. */
export async function took(work: Promise<unknown>): Promise<number> {
  let over = false;
  const end = () => {
    over = true;
  };
  work.then(end, end);
  const ms = await walk(() => !over);
  await work;
  return ms;
}

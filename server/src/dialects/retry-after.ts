/** How long a vendor asked us to wait, in milliseconds, from any of the headers in use. */

const DAY = 86_400_000;
const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: DAY };
/** Above is a vendor's mistake; it also keeps timers below their 24-day limit. */
const LONGEST = 7 * DAY;

/**
 * `retry-after-ms`, then `retry-after` (seconds or HTTP date), then the limits' own resets: OpenAI's
 * `x-ratelimit-reset-requests` (`1s`, `6m0s`, `20ms`), Anthropic's `anthropic-ratelimit-*-reset` (RFC 3339) and their
 * likes. Of the resets those count whose limit is used up, and the longest of them: earlier it would fail again.
 * `limited`: the answer is a 429. Vendors send the resets with every answer; with other errors they mean nothing.
 */
export function retryAfterMs(headers: Record<string, string>, now: number, limited: boolean): number | undefined {
  const ms = headers['retry-after-ms'];
  if (ms !== undefined && /^\d+(\.\d+)?$/.test(ms.trim())) return cap(Number(ms));
  const after = headers['retry-after'];
  if (after !== undefined) {
    const wait = parseWait(after, now);
    if (wait !== null) return wait;
  }
  if (!limited) return undefined;
  let exhausted: number | undefined;
  let other: number | undefined;
  for (const name in headers) {
    if (!name.includes('ratelimit') || !name.includes('reset')) continue;
    const wait = parseWait(headers[name] ?? '', now);
    if (wait === null) continue;
    const remaining = headers[name.replace('reset', 'remaining')];
    if (remaining === undefined || !(Number(remaining) > 0)) exhausted = Math.max(exhausted ?? 0, wait);
    else other = Math.min(other ?? wait, wait);
  }
  return exhausted ?? other;
}

/** `1s`, `6m0s`, `2m59.56s`, `20ms`; plain seconds; seconds or milliseconds since the epoch; a date. Past means 0. */
export function parseWait(text: string, now: number): number | null {
  const value = text.trim();
  if (/^\d+(\.\d+)?$/.test(value)) {
    const number = Number(value);
    if (number >= 1e11) return cap(number - now);
    return cap(number >= 1e9 ? number * 1000 - now : number * 1000);
  }
  if (/^(\d+(\.\d+)?(ms|s|m|h|d))+$/.test(value)) {
    let sum = 0;
    for (const [, amount, unit] of value.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h|d)/g)) {
      sum += Number(amount) * (UNITS[unit ?? ''] ?? 0);
    }
    return cap(sum);
  }
  const date = /^[A-Z]|^\d{4}-/.test(value) ? Date.parse(value) : Number.NaN;
  return Number.isNaN(date) ? null : cap(date - now);
}

function cap(ms: number): number {
  return Math.min(Math.max(Math.ceil(ms), 0), LONGEST);
}

/** What the processes tell each other about health. Small enough to be sent every second. */
import { ERRORS, type ErrorCode } from '../contract/errors.ts';
import type { BreakerRecord, Forced } from './breaker.ts';
import type { Rest } from './cooldowns.ts';
import type { StatsSummary } from './health.ts';
import { SLOTS, type SlotRow } from './window.ts';

export interface SharedTarget {
  breaker?: BreakerRecord;
  forced?: Forced;
  stats?: StatsSummary;
}

/** All that one process knows. What it says later replaces its counts; of states the newest wins, whoever says it. */
export interface Shared {
  v: 1;
  process: string;
  /** Milliseconds since the epoch. */
  at: number;
  /** Counts of windows of another width cannot be added. */
  windowMs: number;
  /** By `provider/model`. */
  targets: Record<string, SharedTarget>;
  /** Calls and tokens of the last minute, by `provider#key`. */
  keys: Record<string, readonly SlotRow[]>;
  /** By `provider#key`, or with a space and a model behind it. */
  rests: Record<string, Rest>;
}

const MOST_ENTRIES = 5000;
const MOST_TEXT = 400;
/** Of calls, tokens and slots. */
const MOST_COUNT = 1e12;

type Bag = Record<string, unknown>;

const isBag = (value: unknown): value is Bag => typeof value === 'object' && value !== null && !Array.isArray(value);
const isNumber = (value: unknown): value is number => typeof value === 'number' && Number.isFinite(value) && value >= 0;
const isText = (value: unknown): value is string => typeof value === 'string' && value.length <= MOST_TEXT;
const isTime = (value: unknown): value is number | null => value === null || isNumber(value);
const oneOf = <T extends string>(value: unknown, list: readonly T[]): value is T => list.includes(value as T);

/** Reads what came from another process. Null: it is no such thing. Parts of it that make no sense are left out. */
export function readShared(value: unknown): Shared | null {
  if (!isBag(value) || value.v !== 1 || !isText(value.process) || !isNumber(value.at) || !isNumber(value.windowMs)) {
    return null;
  }
  return {
    v: 1,
    process: value.process,
    at: value.at,
    windowMs: value.windowMs,
    targets: entries(value.targets, readTarget),
    keys: entries(value.keys, readRows),
    rests: entries(value.rests, readRest),
  };
}

function entries<T>(value: unknown, read: (entry: unknown) => T | null): Record<string, T> {
  // Without a prototype, so that `__proto__` is a name like any other.
  const known: Record<string, T> = Object.create(null) as Record<string, T>;
  if (!isBag(value)) return known;
  for (const [name, entry] of Object.entries(value).slice(0, MOST_ENTRIES)) {
    const made = name.length <= MOST_TEXT ? read(entry) : null;
    if (made !== null) known[name] = made;
  }
  return known;
}

function readTarget(value: unknown): SharedTarget | null {
  if (!isBag(value)) return null;
  const breaker = readBreaker(value.breaker);
  const forced = readForced(value.forced);
  const stats = readStats(value.stats);
  return {
    ...(breaker === null ? {} : { breaker }),
    ...(forced === null ? {} : { forced }),
    ...(stats === null ? {} : { stats }),
  };
}

function readBreaker(value: unknown): BreakerRecord | null {
  if (!isBag(value)) return null;
  const { state, at, version, until, streak, cause, failures, calls } = value;
  if (!oneOf(state, ['closed', 'open', 'half_open'])) return null;
  if (![at, version, until, streak, failures, calls].every(isNumber)) return null;
  const known = oneOf(cause, ['consecutive', 'rate', 'probe']) ? cause : null;
  const numbers = { at, version, until, streak, failures, calls } as Omit<BreakerRecord, 'state' | 'cause'>;
  return { state, cause: known, ...numbers };
}

function readForced(value: unknown): Forced | null {
  if (!isBag(value)) return null;
  const { state, by, until, at, version } = value;
  if (!oneOf(state, ['open', 'closed', 'auto']) || !isText(by) || !isTime(until)) return null;
  return isNumber(at) && isNumber(version) ? { state, by, until, at, version } : null;
}

function readRows(value: unknown): SlotRow[] | null {
  if (!Array.isArray(value)) return null;
  return value
    .slice(0, 2 * SLOTS)
    .filter(
      (row): row is SlotRow =>
        Array.isArray(row) && row.length === 3 && row.every((n) => isNumber(n) && n <= MOST_COUNT),
    );
}

function readStats(value: unknown): StatsSummary | null {
  if (!isBag(value)) return null;
  const rows = readRows(value.rows);
  const { firstTokenMs, latencyMs, tokensPerS } = value;
  if (rows === null || !isTime(firstTokenMs) || !isTime(latencyMs) || !isTime(tokensPerS)) return null;
  return { rows, firstTokenMs, latencyMs, tokensPerS };
}

function readRest(value: unknown): Rest | null {
  if (!isBag(value)) return null;
  const { at, version, until, code, hits } = value;
  if (!isNumber(at) || !isNumber(version) || !isNumber(hits) || !isTime(until)) return null;
  return typeof code === 'string' && Object.hasOwn(ERRORS, code)
    ? { at, version, until, code: code as ErrorCode, hits }
    : null;
}

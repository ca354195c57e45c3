/** Holds what was seen against what must come of a fault. */
import assert from 'node:assert/strict';
import { ERRORS, type ErrorCode } from '../../src/contract/errors.ts';
import type { WorldCall } from '../vendors/world.ts';
import type { Clock, Expected, FaultRow, Wire } from './row.ts';
import { ASKED_MS } from './rows-status.ts';
import { answerFor, caseId, SECOND, textOfCase, textOfSecond } from './vendor.ts';
import { providerFor, type Seen, type Way } from './ways.ts';

/** Attempts of one request. */
export const CAP = 2;
/** The clocks of the test, milliseconds; those of a real server are longer. */
export const CLOCKS = { connect_ms: 1000, headers_ms: 700, answer_ms: 700, first_token_ms: 700, idle_ms: 700 };
const AFTER_END_MS = 2000;
/** From the moment at which a clock is over to the one at which the vendor sees the connection closed. */
const SLACK_MS = 1500;
/** Between two attempts at the same target, at most. */
const BACKOFF_MS = 400;

export interface Verdict {
  /** What came of it, in the words of the table. */
  label: string;
  attempts: number;
  /** The longest silence that we bore, milliseconds; null where there is no clock to hold it against. */
  waitMs: number | null;
  /** From the call to its end. */
  ms: number;
}

export function limitOf(clock: Clock, row: FaultRow): number {
  switch (clock) {
    case 'headers':
      return CLOCKS.headers_ms;
    case 'first token':
      return CLOCKS.first_token_ms;
    case 'idle':
      return CLOCKS.idle_ms;
    case 'after the end':
      return AFTER_END_MS;
    case 'deadline':
      return row.deadlineMs ?? 0;
    case 'asked for':
      // A date has whole seconds.
      return 2 * ASKED_MS;
  }
}

/** What must come of it, by the table of errors and the way of asking. */
export function expectedLabel(expected: Expected, row: FaultRow, way: Way): { label: string; attempts: number } {
  const { code, shown } = expected;
  if (code === null) return { label: 'whole', attempts: 1 };
  const flags: { retry: boolean; fallback: boolean } = ERRORS[code as ErrorCode];
  const partial = shown ? `${code}, partial kept` : code;
  if (way === 'pair' || way === 'detached') {
    if (!flags.fallback) return { label: partial, attempts: 1 };
    if (way === 'detached') {
      return { label: shown ? 'the other begins anew' : 'the other answers', attempts: 2 };
    }
    if (shown === 'call') return { label: partial, attempts: 1 };
    return { label: shown ? 'the other goes on' : 'the other answers', attempts: 2 };
  }
  if (shown || !flags.retry || row.deadlineMs) return { label: partial, attempts: 1 };
  return row.once ? { label: 'whole, 2nd try', attempts: 2 } : { label: `${code}, ${CAP} tries`, attempts: CAP };
}

function seenLabel(seen: Seen, shown: Expected['shown']): string {
  const { code, attempts, restarts } = seen;
  if (code !== null && attempts.length > 1) return `${code}, ${attempts.length} tries`;
  if (code !== null)
    return seen.text !== '' || seen.reasoning !== '' || seen.call !== null ? `${code}, partial kept` : code;
  if (attempts.length === 1) return 'whole';
  if (attempts.at(-1)?.provider !== SECOND) return 'whole, 2nd try';
  if (restarts > 0) return 'the other begins anew';
  return shown ? 'the other goes on' : 'the other answers';
}

/** Throws when anything is other than it must be. */
export function judge(row: FaultRow, wire: Wire, way: Way, seen: Seen, calls: readonly WorldCall[]): Verdict {
  const expected = row.expect(wire, way !== 'whole');
  const must = expectedLabel(expected, row, way);
  const label = seenLabel(seen, expected.shown);
  const what = JSON.stringify({
    ...seen,
    attempts: seen.attempts.map((one) => [one.provider, one.error?.code, one.error?.message]),
  });
  assert.equal(label, must.label, what);
  assert.equal(seen.attempts.length, must.attempts, what);
  checkText(row, wire, way, seen, expected);
  checkAttempts(row, wire, way, seen, calls, expected, must.attempts);
  return { label, attempts: seen.attempts.length, waitMs: checkWaits(row, seen, calls, must.attempts), ms: seen.ms };
}

function checkText(row: FaultRow, wire: Wire, way: Way, seen: Seen, expected: Expected): void {
  const id = caseId(row.name, wire.dialect, way);
  const own = textOfCase(id, row);
  const isSecond = seen.attempts.at(-1)?.provider === SECOND;
  if (seen.code === null) {
    const silent = row.name === 'nothing-to-say';
    assert.equal(
      seen.text,
      silent ? '' : isSecond ? textOfSecond(id, row) : own,
      'the whole answer, and no word twice',
    );
    assert.equal(seen.finish, isSecond ? 'stop' : (expected.finish ?? (row.holds === 'call' ? 'tool_calls' : 'stop')));
    if (expected.usage) assert.equal(seen.usageSource, expected.usage);
    if (row.name.startsWith('arguments-') && !isSecond && way !== 'streamed' && way !== 'pair') {
      assert.equal(seen.invalid, true, 'marked as invalid');
    }
    return;
  }
  assert.ok(own.startsWith(seen.text) || row.name === 'endless', `what is kept is a beginning: ${seen.text}`);
  if (expected.shown !== 'text') assert.equal(seen.text, '');
  if (way !== 'detached' && expected.shown) assert.equal(seen.status, 200, 'the error came in the stream');
  if (way !== 'detached' && !expected.shown) {
    assert.equal(seen.status, ERRORS[expected.code as ErrorCode].status, 'the status of the error');
  }
  if (row.holds === 'call') {
    const args = (answerFor(id, row).calls?.[0]?.pieces ?? []).join('');
    assert.ok(args.startsWith(seen.call ?? ''), 'a beginning of the arguments');
  }
}

/** Every attempt stands in the record, once, with its error; every call of the vendor has an attempt. */
function checkAttempts(
  row: FaultRow,
  wire: Wire,
  way: Way,
  seen: Seen,
  calls: readonly WorldCall[],
  expected: Expected,
  attempts: number,
): void {
  const provider = providerFor(row, wire, way);
  const [first] = seen.attempts;
  assert.equal(first?.provider, provider);
  if (expected.code === null) assert.equal(first?.status, 'succeeded');
  else if (expected.code !== 'expired') assert.equal(first?.error?.code, expected.code);
  const counted = calls.length + (row.gone ? seen.attempts.filter((one) => one.provider === provider).length : 0);
  assert.equal(counted, attempts, 'the vendor was called once for each attempt');
}

function checkWaits(row: FaultRow, seen: Seen, calls: readonly WorldCall[], attempts: number): number | null {
  const limit = row.clock ? limitOf(row.clock, row) : 0;
  const longest = attempts * (limit + SLACK_MS) + BACKOFF_MS;
  assert.ok(seen.ms <= longest, `it took ${Math.round(seen.ms)} ms, more than ${longest}`);
  if (!row.clock) return null;
  if (row.clock === 'asked for') {
    const [one, two] = calls;
    if (one === undefined || two === undefined) return null;
    const waited = two.at - (one.endedAt ?? one.at);
    if (one.name === two.name) assert.ok(waited >= ASKED_MS - 50, `asked again after ${waited} ms`);
    return waited;
  }
  let wait = 0;
  for (const call of calls) {
    if (call.name === SECOND) continue;
    assert.ok(call.endedAt !== null, 'the call is over');
    // A vendor that never falls silent is held against the time from its first byte.
    const since = row.clock === 'deadline' ? call.at : call.lastAt;
    wait = Math.max(wait, call.endedAt - since);
  }
  assert.ok(wait <= limit + SLACK_MS, `${Math.round(wait)} ms of silence, more than ${limit}`);
  return wait;
}

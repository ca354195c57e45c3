/** I6's, I7's and I8's halves that the vendor's journal is the oracle of: what was called, when, and what it cost. */
import type { JournalEntry } from '../../src/providers/simulator/index.ts';
import type { Told } from './history.ts';
import type { AttemptRecord } from './record.ts';
import { type CheckInput, RATES, type Report, type Sorted, type Whole } from './violation.ts';

interface VendorUsage {
  prompt_tokens: number;
  completion_tokens: number;
}

const SLACK_MS = Number(process.env.GOBLIN_SLACK_MS ?? 1000);
/** How long an answer with a key goes on after its caller left. */
const JOIN_MS = 30_000;

const priceOf = (usage: VendorUsage): number =>
  usage.prompt_tokens * RATES.input + usage.completion_tokens * RATES.output;

/** Tokens that readers saw of each attempt: the vendor of the tests makes one of each word. */
function wordsShown(whole: Whole): Map<number, number> {
  const shown = new Map<number, number>();
  let attempt = 0;
  let text = '';
  const note = () => {
    const words = text.split(/\s+/).filter((word) => word !== '').length;
    if (attempt > 0) shown.set(attempt, words);
    text = '';
  };
  for (const frame of whole.frames) {
    const body = JSON.parse(frame.json) as { attempt?: number; text?: string };
    if (frame.type === 'attempt') {
      note();
      attempt = body.attempt ?? 0;
    } else if (frame.type === 'text') text += body.text ?? '';
  }
  note();
  return shown;
}

/** I7 of budgets: what is spent is what all requests have cost, each once. */
export function budgetsAdd({ record }: CheckInput, { all }: Sorted, report: Report): void {
  const costs = all.reduce((sum, { request }) => sum + (request.cost ?? 0), 0);
  if (record.spent === null) {
    if (process.env.GOBLIN_CHAOS_BUDGET === '1') report('I7', 'the budget knows of nothing', { label: '' });
  } else if (record.spent !== costs) {
    report('I7', `${record.spent} of the budget is spent, and all requests have cost ${costs}`, { label: '' });
  }
  if (record.stale > 0) report('I7', `${record.stale} slices of dead processes are left`, { label: '' });
}

/** I7 without budgets: every attempt is settled and priced, exactly where the vendor reported, marked where not. */
export function moneyAdds(_input: CheckInput, { all, calls }: Sorted, report: Report): void {
  for (const whole of all) {
    const { request, attempts } = whole;
    const { id } = request;
    if (request.hold !== null && request.hold !== 0) report('I7', `a hold of ${request.hold} is left`, { id });
    const journal = calls.get(request.label ?? '') ?? [];
    const reported = journal.flatMap((entry) => (entry.usage ? [entry.usage as VendorUsage] : []));
    const shown = wordsShown(whole);
    for (const attempt of attempts) attemptPriced(id, attempt, reported, shown.get(attempt.attempt) ?? 0, report);
    const sum = attempts.reduce((total, attempt) => total + (attempt.cost ?? 0), 0);
    if (request.cost !== sum) report('I7', `costs ${request.cost}, its attempts ${sum}`, { id });
    const result = whole.results[0];
    if (result && result.cost !== request.cost) {
      report('I7', `its result says ${result.cost}, the request ${request.cost}`, { id });
    }
  }
}

function attemptPriced(
  id: string,
  attempt: AttemptRecord,
  reported: readonly VendorUsage[],
  words: number,
  report: Report,
): void {
  const name = `attempt ${attempt.attempt} (${attempt.status}, ${attempt.code})`;
  if (attempt.status === 'running') {
    report('I7', `${name} was never settled`, { id });
    return;
  }
  if (attempt.cost === null) {
    report('I7', `${name} has no price`, { id });
    return;
  }
  const { usage } = attempt;
  if (usage?.source === 'reported') {
    const same = reported.find(
      (one) => one.prompt_tokens === usage.inputTokens && one.completion_tokens === usage.outputTokens,
    );
    if (!same) report('I7', `${name} has a usage that the vendor never reported: ${JSON.stringify(usage)}`, { id });
    else if (attempt.cost !== priceOf(same))
      report('I7', `${name} costs ${attempt.cost}, not ${priceOf(same)}`, { id });
    return;
  }
  if (attempt.status === 'succeeded') report('I7', `${name} succeeded without the usage that was reported`, { id });
  // Nothing was taken by the vendor: that is compared with the journal in `callsInBounds`.
  if (attempt.cost === 0) {
    if (words > 0) report('I7', `${name} showed ${words} words and costs nothing`, { id });
    return;
  }
  if (usage?.source !== 'estimated' && attempt.code !== 'interrupted') {
    report('I7', `${name} is estimated and not marked`, { id });
  }
  if (attempt.cost < words * RATES.output) {
    report('I7', `${name} costs ${attempt.cost}, less than the ${words} words that were shown`, { id });
  }
}

/** I6, I7 and I8 by the journal: how often the vendor was called for one task, when, and whether somebody pays. */
export function callsInBounds(input: CheckInput, sorted: Sorted, report: Report): void {
  for (const whole of sorted.all) {
    const burnt = whole.attempts.length - whole.request.unburnt;
    if (burnt > input.cap) report('I8', `${burnt} attempts`, { id: whole.request.id });
  }
  const labels = new Set(input.history.map((told) => told.label));
  for (const [label, calls] of sorted.calls) {
    if (!labels.has(label)) report('I11', `${calls.length} calls for a task that nobody gave`, { label });
  }
  for (const told of input.history) {
    const { label } = told;
    const calls = sorted.calls.get(label) ?? [];
    const rows = sorted.byLabel.get(label) ?? [];
    const attempts = rows.flatMap((row) => row.attempts);
    paidFor(told, calls, rows, attempts, report);
    timely(told, calls, rows, (at) => inTime(at, input.frozen), report);
  }
}

function paidFor(
  told: Told,
  calls: readonly JournalEntry[],
  rows: readonly Whole[],
  attempts: readonly AttemptRecord[],
  report: Report,
): void {
  const { label } = told;
  // A call that was begun beside a commit that failed has no row: one for each try of a door without a key that left none.
  const beside = isDoor(told) && told.key === null ? told.tries - rows.length : 0;
  if (calls.length > attempts.length + beside) {
    report('I7', `the vendor was called ${calls.length} times for ${attempts.length} attempts`, { label });
  }
  const taken = calls.filter((entry) => entry.status === 200).length;
  const paid = attempts.filter((attempt) => (attempt.cost ?? 0) > 0).length;
  if (taken > paid + beside) {
    report('I7', `the vendor took ${taken} calls, ${paid} attempts cost something`, { label });
  }
  if (told.key === null) return;
  const good = attempts.filter((attempt) => attempt.status === 'succeeded').length;
  if (good > 1) report('I6', `${good} attempts of one key succeeded`, { label });
  // Each whole answer of the vendor but one was lost with a process or its connection, and its attempt says so.
  const complete = calls.filter((entry) => entry.outcome === 'completed').length;
  const lost = attempts.filter(({ status, code }) => status === 'cancelled' || LOST.has(code ?? '')).length;
  if (complete > good + lost) {
    report('I6', `the vendor gave ${complete} whole answers: ${good} count, ${lost} were lost`, { label });
  }
}

/** Of an attempt whose answer may have been whole when it was lost. */
const LOST = new Set(['interrupted', 'upstream_unreachable']);

const isDoor = (told: Told): boolean => told.kind === 'whole' || told.kind === 'stream' || told.kind === 'left';

/** The last moment that is in time for what was due at `at`: one second, counted anew after everything stood still. */
function inTime(at: number, frozen: CheckInput['frozen']): number {
  let due = at;
  for (const { from, to } of [...frozen].sort((a, b) => a.from - b.from)) {
    if (from <= due + SLACK_MS && to > due) due = to;
  }
  return due + SLACK_MS;
}

function timely(
  told: Told,
  calls: readonly JournalEntry[],
  rows: readonly Whole[],
  limit: (at: number) => number,
  report: Report,
): void {
  const { label } = told;
  const only = rows.length === 1 ? rows[0] : undefined;
  for (const call of calls) {
    const end = call.endedAt ?? Date.now();
    const late = (since: number, moment: number, what: string) => {
      if (moment > limit(since)) {
        report('I8', `the vendor's call ${call.seq} ${what} ${Math.round(moment - since)} ms after`, { label });
      }
    };
    // Without a key a lost reply makes two requests of one task, and only one of them was cancelled.
    if (only && told.cancelledAt !== null) {
      late(told.cancelledAt, call.at, 'began (cancel)');
      late(told.cancelledAt, end, 'went on (cancel)');
    }
    if (told.leftAt !== null) {
      late(told.leftAt + (told.key === null ? 0 : JOIN_MS), end, 'went on (its caller left)');
    }
    if (!only) continue;
    // Whatever ended it: nothing is sent for a request that is over.
    if (only.request.finished !== null) late(only.request.finished, call.at, 'began (the request was over)');
    // A zombie's stream is closed: what an older epoch began does not outlive the next claim.
    const next =
      only.request.mode === 'detached' &&
      only.events.find((event) => event.type === 'request.running' && event.at > call.at);
    if (next) late(next.at, end, `went on (epoch ${next.epoch} had begun)`);
  }
}

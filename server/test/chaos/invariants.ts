/** I1–I6, I9 and I10 of RELIABILITY.md §1, checked from outside when all is quiet. Money and calls: money.ts. */
import { MOVES, type State } from '../../src/contract/states.ts';
import { type Frame, textOf } from '../support/streams.ts';
import { labelIn, type Told } from './history.ts';
import { budgetsAdd, callsInBounds, moneyAdds } from './money.ts';
import {
  type CheckInput,
  groupBy,
  isTerminal,
  type Report,
  type Sorted,
  type Violation,
  type Whole,
} from './violation.ts';

type Check = (input: CheckInput, sorted: Sorted, report: Report) => void;

const CHECKS: readonly Check[] = [
  oddities,
  acceptedExist,
  oneEnd,
  answersAgree,
  fenced,
  oneKeyOneRequest,
  legalTrail,
  framesRun,
  moneyAdds,
  budgetsAdd,
  callsInBounds,
];

export function check(input: CheckInput): Violation[] {
  const violations: Violation[] = [];
  const sorted = sort(input);
  const labelOf = (id: string | undefined) => (id === undefined ? null : sorted.byId.get(id)?.request.label);
  for (const one of CHECKS) {
    one(input, sorted, (invariant, what, of) => {
      violations.push({ invariant, what, id: of.id ?? '', label: of.label ?? labelOf(of.id) ?? '' });
    });
  }
  return violations;
}

function sort({ record, journal }: CheckInput): Sorted {
  const attempts = groupBy(record.attempts, (row) => row.id);
  const events = groupBy(record.events, (row) => row.id);
  const frames = groupBy(record.frames, (row) => row.id);
  const results = groupBy(record.results, (row) => row.id);
  const all = record.requests.map(
    (request): Whole => ({
      request,
      attempts: attempts.get(request.id) ?? [],
      events: events.get(request.id) ?? [],
      frames: frames.get(request.id) ?? [],
      results: results.get(request.id) ?? [],
    }),
  );
  return {
    all,
    byId: new Map(all.map((whole) => [whole.request.id, whole])),
    byLabel: groupBy(all, (whole) => whole.request.label),
    calls: groupBy(journal, (entry) =>
      entry.path.endsWith('/chat/completions') ? labelIn(JSON.stringify(entry.body)) : null,
    ),
  };
}

/** What a client found by itself says which invariant it broke. */
function oddities({ history }: CheckInput, _sorted: Sorted, report: Report): void {
  for (const told of history) {
    for (const odd of told.odd) {
      const [invariant = '', ...rest] = odd.split(': ');
      report(invariant, rest.join(': '), { label: told.label });
    }
  }
}

/** I1: what a 202 promised is there, and so is every request of which an answer was shown. */
function acceptedExist({ history }: CheckInput, { byId }: Sorted, report: Report): void {
  for (const told of history) {
    for (const id of told.ids) {
      const label = byId.get(id)?.request.label;
      if (label === undefined) report('I1', 'was accepted and is not there', { label: told.label, id });
      else if (label !== told.label) report('I11', `belongs to ${label}`, { label: told.label, id });
    }
  }
}

/** I2 and I3: one terminal state, which never changes once it was seen; one terminal event. */
function oneEnd({ history }: CheckInput, { all, byId }: Sorted, report: Report): void {
  for (const { request, events } of all) {
    const { id, state } = request;
    if (!isTerminal(state)) report('I3', `is still ${state} (epoch ${request.epoch})`, { id });
    const ends = events.filter((event) => isTerminal(event.type.slice('request.'.length)));
    if (ends.length !== 1) report('I2', `has ${ends.length} terminal events`, { id });
    else if (ends[0]?.type !== `request.${state}`) report('I2', `is ${state}, its event says ${ends[0]?.type}`, { id });
    if (isTerminal(state) !== (request.finished !== null)) report('I2', 'finished_at does not fit its state', { id });
  }
  for (const told of history) {
    const ended = new Map<string, string>();
    for (const { id, state } of told.seen) {
      const before = ended.get(id);
      if (before !== undefined && before !== state) report('I2', `was seen ${before}, then ${state}`, { id });
      if (isTerminal(state)) ended.set(id, state);
    }
    for (const [id, state] of ended) {
      const now = byId.get(id)?.request.state;
      if (now !== undefined && now !== state) report('I2', `was seen ${state} and is ${now}`, { id });
    }
  }
}

/** I4: success and one result row are the same thing, and everybody has read the same bytes. */
function answersAgree({ history, said }: CheckInput, { all, byId }: Sorted, report: Report): void {
  for (const { request, results } of all) {
    const want = request.state === 'succeeded' ? 1 : 0;
    if (results.length !== want)
      report('I4', `is ${request.state} and has ${results.length} results`, { id: request.id });
  }
  for (const told of history) {
    const expected = said(told.prompt);
    for (const id of told.ids) {
      const text = byId.get(id)?.results[0]?.text;
      if (text !== undefined && text !== expected) {
        report('I4', `its result is not what the vendor says: ${difference(text, expected)}`, { id });
      }
    }
    for (const door of told.doors) {
      if (door.complete && door.text !== expected) {
        report('I4', `a door's answer is not what the vendor says: ${difference(door.text, expected)}`, {
          label: told.label,
        });
      }
    }
    const { final } = told;
    if (final?.state === 'succeeded' && final.text !== byId.get(final.id)?.results[0]?.text) {
      report('I4', 'the result that was read is not the stored one', { id: final.id });
    }
    readersAgree(told, byId, report);
  }
}

function readersAgree(told: Told, byId: Map<string, Whole>, report: Report): void {
  for (const read of told.reads) {
    const whole = byId.get(read.id);
    if (!whole) continue;
    const { id } = read;
    const stored = whole.frames.map((frame) => JSON.stringify(JSON.parse(frame.json)));
    const wrong = read.frames.findIndex((frame, i) => frame !== stored[i]);
    if (wrong >= 0) {
      report('I4', `frame ${wrong + 1} was read as ${read.frames[wrong]} and is stored as ${stored[wrong]}`, { id });
    }
    if (!read.complete) continue;
    if (read.frames.length !== stored.length) {
      report('I4', `${read.frames.length} frames were read, ${stored.length} are stored`, { id });
    }
    const frames = read.frames.map((frame) => JSON.parse(frame) as Frame);
    const end = frames.at(-1);
    if (end?.status !== whole.request.state) {
      report('I4', `the stream ended ${String(end?.status)}, the request ${whole.request.state}`, { id });
    }
    const result = whole.results[0];
    if (result && textOf(frames) !== result.text) {
      report('I4', `its stream and its result differ: ${difference(textOf(frames), result.text)}`, { id });
    }
  }
}

function difference(a: string, b: string): string {
  let at = 0;
  while (at < a.length && a[at] === b[at]) at++;
  const near = (text: string) => JSON.stringify(text.slice(Math.max(0, at - 20), at + 40));
  return `from character ${at} (of ${a.length} and ${b.length}) ${near(a)} against ${near(b)}`;
}

/** I5: what the triggers in the database have noted. */
function fenced({ record }: CheckInput, _sorted: Sorted, report: Report): void {
  for (const { id, what } of record.fence) report('I5', what, { id });
}

/** I6, the record's half: one key, one request. Without a key each try may have become one. */
function oneKeyOneRequest({ history }: CheckInput, { byLabel }: Sorted, report: Report): void {
  for (const told of history) {
    const rows = byLabel.get(told.label) ?? [];
    const most = told.key === null ? told.tries : 1;
    if (rows.length > most) {
      const ids = rows.map((row) => row.request.id).join(', ');
      report('I6', `${rows.length} requests (${ids}) of ${told.tries} tries, key ${told.key}`, { label: told.label });
    }
  }
}

/** I9: one row of the trail for each change of state, and the walk is one of the table. */
function legalTrail(_input: CheckInput, { all }: Sorted, report: Report): void {
  for (const { request, events } of all) {
    const { id } = request;
    const states = events.map((event) => event.type.slice('request.'.length) as State);
    const walk = states.join(' → ');
    const first: State = request.mode === 'attached' ? 'running' : 'queued';
    if (states[0] !== first) report('I9', `its trail begins with ${String(states[0])}`, { id });
    states.forEach((state, i) => {
      const before = states[i - 1];
      if (before !== undefined && !MOVES[before]?.includes(state)) report('I9', `illegal walk: ${walk}`, { id });
    });
    const claims = states.filter((state) => state === 'running').length;
    if (claims !== request.epoch) report('I9', `epoch ${request.epoch}, but the trail is ${walk}`, { id });
    if (request.mode === 'attached' && (claims !== 1 || states.includes('queued'))) {
      report('I9', `attached, but its trail is ${walk}`, { id });
    }
  }
}

/** I10, the record's half: numbers run 1, 2, 3 …, and the one `end` is last. */
function framesRun(_input: CheckInput, { all }: Sorted, report: Report): void {
  for (const { request, frames } of all) {
    if (request.mode === 'attached') continue;
    const { id } = request;
    const gap = frames.findIndex((frame, i) => frame.seq !== i + 1 || JSON.parse(frame.json).seq !== i + 1);
    if (gap >= 0) report('I10', `frame ${gap + 1} has the number ${frames[gap]?.seq}`, { id });
    const ends = frames.filter((frame) => frame.type === 'end').length;
    if (isTerminal(request.state) && (ends !== 1 || frames.at(-1)?.type !== 'end')) {
      report('I10', `${ends} end frames, the last frame is ${frames.at(-1)?.type}`, { id });
    }
    if (frames.length !== request.last_seq) {
      report('I10', `${frames.length} frames, but last_seq is ${request.last_seq}`, { id });
    }
  }
}

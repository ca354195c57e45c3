/** Every fault that a vendor can cause, through the whole house: never a false success, never a lost answer. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { FAULTS, type FaultRow, type Simulator, startSimulator } from '../../src/providers/simulator/index.ts';
import { outcome, result, submit, view } from '../support/api.ts';
import { eventually } from '../support/server.ts';
import { checkFrames, openSse, readAll, textOf } from '../support/streams.ts';
import { callsWith, type House, MODEL, OPENAI_KEY, saidBy, startHouse, underNames } from '../support/vendors.ts';

/** What the first attempt is told to have died of; with `final`, no second one follows on the same target. */
interface Expected {
  code: string;
  final?: true;
  /** Something was shown before it broke, so the stream says `restart`. */
  shown?: true;
  status?: number;
}

const cut = { code: 'upstream_truncated' } as const;
const slow = { code: 'upstream_timeout' } as const;
const limited = { code: 'upstream_rate_limited', status: 429 } as const;
const BROKEN: Record<string, Expected> = {
  'cut-after-N': { ...cut, shown: true },
  'end-after-N': { ...cut, shown: true },
  'cut-in-json': { ...cut, shown: true },
  'done-only': cut,
  'empty-200': cut,
  'html-200': { code: 'upstream_protocol' },
  'error-200': { code: 'upstream_unavailable' },
  'error-after-N': { code: 'upstream_unavailable', shown: true },
  'event-error-after-N': { code: 'upstream_unavailable', shown: true },
  'finish-error': { code: 'upstream_unavailable', shown: true },
  'bad-json-after-N': { code: 'upstream_protocol', shown: true },
  'mega-line': { code: 'upstream_protocol', shown: true },
  'status-N': { code: 'upstream_unavailable', status: 500 },
  quota: { code: 'upstream_quota', final: true, status: 429 },
  'retry-after-N': limited,
  'retry-after-ms-N': limited,
  'retry-after-date': limited,
  'ratelimit-reset': limited,
  'context-too-long': { code: 'upstream_context_too_long', final: true, status: 400 },
  'content-filter': { code: 'content_filter', final: true, status: 400 },
  'redirect-302': { code: 'upstream_redirect', final: true, status: 302 },
  'no-headers': slow,
  'no-first-token': slow,
  'stall-after-N': { ...slow, shown: true },
  comments: slow,
  reset: { code: 'upstream_unreachable' },
};

const STATUSES: Record<number, Expected> = {
  400: { code: 'upstream_rejected', final: true },
  401: { code: 'upstream_unauthorized', final: true },
  402: { code: 'upstream_quota', final: true },
  403: { code: 'upstream_forbidden', final: true },
  404: { code: 'upstream_unknown_model', final: true },
  408: { code: 'upstream_timeout' },
  409: { code: 'upstream_rejected', final: true },
  413: { code: 'upstream_rejected', final: true },
  422: { code: 'upstream_rejected', final: true },
  429: { code: 'upstream_rate_limited' },
  500: { code: 'upstream_unavailable' },
  502: { code: 'upstream_unavailable' },
  // OpenAI's words for a 503 are "the engine is currently overloaded".
  503: { code: 'upstream_overloaded' },
  504: { code: 'upstream_timeout' },
  529: { code: 'upstream_overloaded' },
};

/** The name as an order: `cut-after-N` means its usual number. */
const orderOf = (name: string): string => name.replace(/-N$/, '');
const rows = Object.entries(FAULTS) as [string, FaultRow][];

let house: House;
/** Says what the vendor would say: an instance of its own, so that it uses up no `times=`. */
let oracle: Simulator;
before(async () => {
  oracle = await startSimulator();
  const vendor = await startSimulator({ journal: true, key: OPENAI_KEY });
  house = await startHouse({
    vendor,
    settings: {
      providers: underNames(vendor, ['quota', ...Object.keys(STATUSES).map((status) => `status-${status}`)]),
      // Longer than a vendor of this busy process may stand still.
      clocks: { headers_ms: 4000, first_token_ms: 4000, idle_ms: 4000, lease_ms: 4000 },
    },
  });
});
after(async () => {
  await house.close();
  await oracle.close();
});

test('the table of expectations names every fault that is not whole, and no other', () => {
  assert.deepEqual(
    Object.keys(BROKEN).sort(),
    rows
      .filter(([, row]) => !row.whole)
      .map(([name]) => name)
      .sort(),
  );
});

const mended = (text: string): string => text.replaceAll('\0', '\ufffd').toWellFormed();

test('odd but whole: a success with the right text', { concurrency: 6 }, async (t) => {
  const cases = rows
    .filter(([, row]) => row.whole)
    .map(([name, row]) => {
      const fault = orderOf(name);
      return t.test(fault, { timeout: 30_000 }, async () => {
        const prompt = `Odd ${fault}. [[sim tokens=30 fault=${fault}]]`;
        // Faults of what is said change the answer itself; the others only its bytes.
        const asIs = row.stage === 'answer' || fault === 'slice-utf8';
        const said = await saidBy(oracle, asIs ? prompt : `Odd ${fault}. [[sim tokens=30]]`);
        const { request_id: id } = await submit(house.server, { prompt, model: MODEL });
        const frames = await readAll(openSse(house.server, id));
        assert.equal(checkFrames(frames).status, 'succeeded');
        const done = await result(house.server, id);
        assert.equal(done.text, mended(said.text));
        assert.equal(textOf(frames), done.text);
        assert.ok(done.text.isWellFormed());
        assert.equal(frames.filter((frame) => frame.type === 'restart').length, 0);
        const calls = callsWith(house.vendor, `Odd ${fault}.`);
        assert.equal(calls.length, 1, 'one call is enough');
        const [attempt, ...more] = (await view(house.server, id)).attempts;
        assert.equal(more.length, 0);
        assert.equal(attempt?.status, 'succeeded');
        assert.ok((done.cost_usd ?? 0) > 0 && (done.cost_usd ?? 0) < 0.01, `cost ${done.cost_usd}`);
        assert.ok(done.usage.output_tokens > 0 && done.usage.output_tokens < 1000);
        assert.ok(done.usage.input_tokens > 0 && done.usage.input_tokens < 1000);
        if (['usage-missing', 'usage-null', 'usage-negative', 'usage-absurd'].includes(fault)) {
          assert.equal(done.usage.source, 'estimated');
        } else if (fault !== 'short-body') {
          assert.equal(done.usage.source, 'reported');
          assert.equal(done.usage.output_tokens, said.usage.completion_tokens);
        }
        if (fault === 'content-filter-finish') assert.equal(done.finish_reason, 'content_filter');
        if (fault === 'nul-in-text') assert.ok(done.text.includes('nul\ufffdhere'));
        if (fault === 'surrogates') assert.ok(done.text.includes('\u{1f600}'));
        if (fault.startsWith('tool-args')) {
          assert.equal(done.finish_reason, 'tool_calls');
          const [call] = done.message.tool_calls ?? [];
          assert.equal(call?.function.arguments, said.calls[0]?.arguments, 'never repaired');
          assert.equal((call as { invalid_arguments?: boolean } | undefined)?.invalid_arguments, true, 'but marked');
        }
      });
    });
  await Promise.all(cases);
});

async function broken(fault: string, expected: Expected, model = MODEL): Promise<void> {
  const prompt = `Broken ${fault}. [[sim tokens=30 fault=${fault} times=1]]`;
  const said = await saidBy(oracle, `Broken ${fault}. [[sim tokens=30]]`);
  const { request_id: id } = await submit(house.server, { prompt, model });
  const frames = await readAll(openSse(house.server, id));
  const end = checkFrames(frames);
  const answer = await outcome(house.server, id);
  const row = await view(house.server, id);
  const calls = callsWith(house.vendor, `Broken ${fault}.`);
  assert.ok(!house.vendor.journal().some((entry) => entry.path.endsWith('/moved')), 'redirects are not followed');
  const [first, ...more] = row.attempts;
  assert.equal(first?.status, 'failed');
  assert.equal(first?.error?.code, expected.code);
  if (expected.status !== undefined) assert.equal(first?.error?.upstream_status, expected.status);
  if (expected.final) {
    assert.equal(answer.status, 409, 'never a false success');
    assert.equal(answer.body.status, 'failed');
    assert.equal(answer.body.code, expected.code);
    assert.equal(row.error?.code, expected.code);
    assert.equal((end.error as { code: string }).code, expected.code);
    assert.equal(calls.length, 1, 'not tried again');
    assert.equal(more.length, 0);
    assert.equal(textOf(frames), '');
    return;
  }
  assert.equal(answer.status, 200, answer.text);
  assert.equal(answer.body.text, said.text);
  assert.equal(textOf(frames), said.text);
  assert.equal(calls.length, 2, 'one more call, not more');
  assert.deepEqual(
    more.map((attempt) => [attempt.attempt, attempt.status, attempt.error]),
    [[2, 'succeeded', null]],
  );
  const restarts = frames.filter((frame) => frame.type === 'restart');
  assert.equal(restarts.length, expected.shown ? 1 : 0, 'restart is said when something was shown');
  if (expected.shown) assert.equal(restarts[0]?.attempt, 2);
}

test('broken once: the first attempt fails with its code, another one answers', { concurrency: 6 }, async (t) => {
  const cases = rows
    .filter(([name, row]) => !row.whole && name !== 'mega-line')
    .map(([name]) =>
      t.test(orderOf(name), { timeout: 40_000 }, () =>
        // A key that is used up is out for good, and would keep the others' calls away.
        broken(orderOf(name), BROKEN[name] as Expected, name === 'quota' ? 'quota/gpt-4o-mini' : MODEL),
      ),
    );
  await Promise.all(cases);
});

test('a line of megabytes', { timeout: 40_000 }, () => broken('mega-line', BROKEN['mega-line'] as Expected));

test('every status has its class', { concurrency: 6 }, async (t) => {
  const cases = Object.entries(STATUSES).map(([status, expected]) =>
    t.test(status, { timeout: 30_000 }, () =>
      broken(`status-${status}`, { status: Number(status), ...expected }, `status-${status}/gpt-4o-mini`),
    ),
  );
  await Promise.all(cases);
});

test('broken every time: it ends failed after four attempts, each of them told and counted', {
  timeout: 40_000,
}, async () => {
  const faults = ['status-500', 'cut-after-5', 'reset', 'empty-200'];
  await Promise.all(
    faults.map(async (fault) => {
      const { request_id: id } = await submit(house.server, {
        prompt: `Hopeless ${fault}. [[sim tokens=30 fault=${fault}]]`,
        model: MODEL,
      });
      const answer = await outcome(house.server, id);
      assert.equal(answer.status, 409, fault);
      assert.equal(answer.body.status, 'failed');
      assert.equal(callsWith(house.vendor, `Hopeless ${fault}.`).length, 4, fault);
      const row = await view(house.server, id);
      assert.deepEqual(
        row.attempts.map((attempt) => [attempt.attempt, attempt.status]),
        [1, 2, 3, 4].map((n) => [n, 'failed']),
      );
      const total = row.attempts.reduce((sum, attempt) => sum + (attempt.cost_usd ?? Number.NaN), 0);
      assert.ok(Math.abs((row.cost_usd ?? Number.NaN) - total) < 1e-11, `${fault}: ${row.cost_usd} is not ${total}`);
      const shown = fault === 'cut-after-5';
      for (const attempt of row.attempts) {
        if (shown) assert.ok((attempt.cost_usd ?? 0) > 0 && attempt.usage?.source === 'estimated', 'never zero');
      }
      const frames = await readAll(openSse(house.server, id));
      checkFrames(frames);
      assert.equal(textOf(frames), answer.body.partial_text ?? '');
    }),
  );
});

test('a wait that the vendor asks for is kept', { timeout: 20_000 }, async () => {
  const { request_id: id } = await submit(house.server, {
    prompt: 'Patience. [[sim tokens=3 fault=retry-after-ms-700 times=1]]',
    model: MODEL,
  });
  await result(house.server, id);
  const [a, b] = callsWith(house.vendor, 'Patience.');
  const waited = (b?.at ?? 0) - (a?.endedAt ?? 0);
  assert.ok(waited >= 690, `came back after ${waited} ms`);
});

test('a rest longer than the lease is spent in the queue, and nobody is told to forget what was never shown', {
  timeout: 60_000,
}, async () => {
  const { server, vendor } = house;
  const { request_id: id } = await submit(server, {
    prompt: 'Long rest. [[sim tokens=3 fault=retry-after-8 times=1]]',
    model: MODEL,
  });
  const stream = await openSse(server, id);
  await eventually(
    async () => (await view(server, id)).attempts[0]?.status === 'failed',
    'the end of the first attempt',
  );
  await eventually(async () => (await view(server, id)).status === 'queued', 'its place in the queue', 5000);
  const frames = await readAll(Promise.resolve(stream));
  assert.equal(checkFrames(frames).status, 'succeeded');
  const row = await view(server, id);
  assert.deepEqual(
    row.attempts.map((attempt) => [attempt.attempt, attempt.status]),
    [
      [1, 'failed'],
      [2, 'succeeded'],
    ],
  );
  assert.equal(callsWith(vendor, 'Long rest.').length, 2);
  assert.deepEqual(
    frames.filter((frame) => frame.type === 'restart'),
    [],
  );
});

/** Fire drills: the calls of one key meet a fault at one provider, and nobody else notices anything. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { call, result, submit } from '../support/api.ts';
import { bearer, type DrillGround, startDrillGround } from '../support/drill.ts';
import { openSse, readAll, textOf } from '../support/streams.ts';
import { callsWith } from '../support/vendors.ts';

let ground: DrillGround;
let first: DrillGround['first'];
let server: DrillGround['server'];
let drilled: DrillGround['drilled'];
let calm: DrillGround['calm'];
let under: DrillGround['under'];
let chat: DrillGround['chat'];
let recorded: DrillGround['recorded'];

before(async () => {
  ground = await startDrillGround();
  ({ first, server, drilled, calm, under, chat, recorded } = ground);
});
after(() => ground.close());

/** What the first attempt died of; `called`: the vendor got the call. */
const FAULTS: [fault: string, code: string, called: boolean][] = [
  ['status-500', 'upstream_unavailable', false],
  ['status-401', 'upstream_unauthorized', false],
  ['status-529', 'upstream_overloaded', false],
  ['quota', 'upstream_quota', false],
  ['retry-after-60', 'upstream_rate_limited', false],
  ['html-200', 'upstream_protocol', false],
  ['error-200', 'upstream_unavailable', false],
  ['empty-200', 'upstream_truncated', false],
  ['redirect-302', 'upstream_redirect', false],
  ['no-headers', 'upstream_timeout', false],
  ['no-first-token', 'upstream_timeout', false],
  ['reset', 'upstream_unreachable', false],
  ['cut-after-0', 'upstream_truncated', true],
  ['stall-after-0', 'upstream_timeout', true],
];

test('before anything is shown, the next target answers; nobody else notices, nothing is learnt', {
  timeout: 180_000,
}, async () => {
  for (const [fault, code, called] of FAULTS) {
    await under(fault, async () => {
      const prompt = `Drill ${fault}.`;
      const [mine, theirs] = await Promise.all([
        chat(drilled, prompt, { stream: true }),
        chat(calm, `${prompt} Calm.`, { stream: true }),
      ]);
      assert.match(mine.text, /\[DONE\]/, fault);
      assert.match(theirs.text, /\[DONE\]/, fault);
      const row = await recorded(drilled, mine);
      assert.deepEqual(
        row.attempts.map(({ provider, status, error }) => [provider, status, error?.code ?? null]),
        [
          ['openai', 'failed', code],
          ['second', 'succeeded', null],
        ],
        fault,
      );
      assert.match(row.attempts[0]?.reason ?? '', new RegExp(`fire drill: ${fault}$`));
      assert.equal(callsWith(first, prompt).length, called ? 2 : 1, `${fault}: calls to the vendor`);
      if (!called) assert.equal(row.attempts[0]?.cost_usd, 0, `${fault}: what was not asked costs nothing`);
      else assert.ok((row.attempts[0]?.cost_usd ?? 0) > 0, `${fault}: what was asked is charged`);
      const other = await recorded(calm, theirs);
      assert.deepEqual(
        other.attempts.map(({ provider }) => provider),
        ['openai'],
        fault,
      );
      assert.ok(!JSON.stringify(other).includes('drill'));
    });
  }
  const metrics = await call<{ providers: { provider: string; state: string; rests: unknown[]; errors: number }[] }>(
    server,
    '/mcp/v1/admin/metrics',
    { headers: bearer(server.token) },
  );
  const openai = metrics.body.providers.filter(({ provider }) => provider === 'openai');
  for (const one of openai) assert.deepEqual([one.state, one.rests, one.errors], ['closed', [], 0]);
});

const AMID: [fault: string, code: string][] = [
  ['cut-after-20', 'upstream_truncated'],
  ['end-after-20', 'upstream_truncated'],
  ['stall-after-20', 'upstream_timeout'],
  ['error-after-20', 'upstream_unavailable'],
  ['event-error-after-20', 'upstream_unavailable'],
  ['bad-json-after-20', 'upstream_protocol'],
  ['cut-in-json', 'upstream_truncated'],
];

test('in the midst of an answer: a stream goes on, a detached request begins anew, and N counts tokens', {
  timeout: 180_000,
}, async () => {
  for (const [fault, code] of AMID) {
    await under(fault, async () => {
      const prompt = `Amid ${fault}.`;
      const answer = await chat(drilled, prompt, { stream: true });
      assert.match(answer.text, /\[DONE\]/, fault);
      const row = await recorded(drilled, answer);
      assert.deepEqual(
        row.attempts.map(({ provider, error }) => [provider, error?.code ?? null]),
        [
          ['openai', code],
          ['second', null],
        ],
        fault,
      );
      assert.ok((row.attempts[0]?.cost_usd ?? 0) > 0);

      const { request_id: id } = await submit(
        server,
        { prompt: `${prompt} Detached.`, model: 'duo' },
        bearer(drilled.key),
      );
      const frames = await readAll(openSse(server, id, { headers: bearer(drilled.key) }));
      const restart = frames.findIndex(({ type }) => type === 'restart');
      assert.ok(restart > 0, `${fault}: says restart`);
      const shown = frames.slice(0, restart).filter(({ type }) => type === 'text');
      const words = shown.map(({ text }) => String(text)).join('');
      if (fault.endsWith('-20')) assert.equal(words.trim().split(/\s+/).length, 20, `${fault}: ${words}`);
      const told = await result(server, id, bearer(drilled.key));
      assert.equal(told.provider, 'second');
      assert.equal(textOf(frames), told.text);
    });
  }
});

test('unstreamed answers break too', { timeout: 180_000 }, async () => {
  const codes: Record<string, string> = {
    'cut-after-20': 'upstream_truncated',
    'end-after-20': 'upstream_truncated',
    'stall-after-20': 'upstream_timeout',
    'error-after-20': 'upstream_unavailable',
    'bad-json-after-20': 'upstream_protocol',
    'cut-in-json': 'upstream_truncated',
    'status-503': 'upstream_overloaded',
    'no-headers': 'upstream_timeout',
  };
  for (const [fault, code] of Object.entries(codes)) {
    await under(fault, async () => {
      const answer = await chat(drilled, `Whole ${fault}.`);
      assert.equal(answer.status, 200, `${fault}: ${answer.text}`);
      const row = await recorded(drilled, answer);
      assert.deepEqual(
        row.attempts.map(({ provider, error }) => [provider, error?.code ?? null]),
        [
          ['openai', code],
          ['second', null],
        ],
        fault,
      );
    });
  }
});

test('the cache neither spares a drill the vendor nor keeps what it broke', async () => {
  await chat(calm, 'Cached.');
  assert.equal((await chat(calm, 'Cached.')).headers.get('x-mcp-cache'), 'hit');
  await under('cut-after-5', async () => {
    const answer = await chat(drilled, 'Cached.');
    assert.equal(answer.headers.get('x-mcp-cache'), null);
    assert.equal((await recorded(drilled, answer)).attempts.length, 2);
    assert.equal((await chat(calm, 'Cached.')).headers.get('x-mcp-cache'), 'hit');
  });
  assert.equal((await chat(drilled, 'Cached.')).headers.get('x-mcp-cache'), 'hit', 'after it, as before');
});

/** Faults of drills, on the bytes of every dialect: always a failure, of the right class, after exactly what was wished. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { DialectName } from '../../../src/contract/call.ts';
import type { ErrorCode } from '../../../src/contract/errors.ts';
import { DIALECTS } from '../../../src/dialects/index.ts';
import { canDrill, drillFaults } from '../../../src/execution/drill-faults.ts';
import { attempt, faultOf, WORDS } from './drill-kit.ts';

const NAMES = Object.keys(DIALECTS) as DialectName[];

const INSTEAD: Record<string, ErrorCode> = {
  'html-200': 'upstream_protocol',
  'error-200': 'upstream_unavailable',
  'status-500': 'upstream_unavailable',
  'status-503': 'upstream_overloaded',
  'status-529': 'upstream_overloaded',
  'status-401': 'upstream_unauthorized',
  'status-429': 'upstream_rate_limited',
  'status-400': 'upstream_rejected',
  quota: 'upstream_quota',
  'retry-after-7': 'upstream_rate_limited',
  'retry-after-ms-700': 'upstream_rate_limited',
  'retry-after-date': 'upstream_rate_limited',
  'ratelimit-reset': 'upstream_rate_limited',
  'context-too-long': 'upstream_context_too_long',
  'content-filter': 'content_filter',
  'redirect-302': 'upstream_redirect',
  'empty-200': 'upstream_truncated',
  'no-headers': 'upstream_timeout',
  'no-first-token': 'upstream_timeout',
  reset: 'upstream_unreachable',
};

/** Where the vendor means something else by the same status or words. */
const ELSE: Partial<Record<DialectName, Record<string, ErrorCode>>> = {
  bedrock: { quota: 'upstream_rate_limited' },
};

const AMID: Record<string, ErrorCode> = {
  'cut-after-N': 'upstream_truncated',
  'end-after-N': 'upstream_truncated',
  'stall-after-N': 'upstream_timeout',
  'cut-in-json': 'upstream_truncated',
  'error-after-N': 'upstream_unavailable',
  'event-error-after-N': 'upstream_unavailable',
  'bad-json-after-N': 'upstream_protocol',
};

test('without a fault every vendor here gives a whole answer', async () => {
  for (const name of NAMES) {
    for (const stream of [true, false]) {
      const { outcome, text } = await attempt(name, null, stream);
      assert.equal(outcome.failure, null, `${name} ${stream}`);
      assert.equal(text, WORDS.join(''), `${name} ${stream}`);
    }
  }
});

test('in place of an answer: the right class in every dialect, and the vendor is not called', async () => {
  const cases = NAMES.flatMap((name) =>
    Object.entries(INSTEAD).flatMap(([fault, code]) =>
      [true, false].map((stream) => ({ name, fault, code: ELSE[name]?.[fault] ?? code, stream })),
    ),
  );
  await Promise.all(
    cases.map(async ({ name, fault, code, stream }) => {
      const { outcome, text, called } = await attempt(name, faultOf(fault), stream);
      // Whoever waits for a whole answer has one clock until its headers, and one for silence after them.
      assert.equal(outcome.failure?.code, code, `${name} ${fault} ${stream}`);
      assert.equal(outcome.finishReason, null);
      assert.equal(text, '');
      assert.equal(called, false);
      if (fault === 'retry-after-7') assert.equal(outcome.failure?.retryAfterMs, 7000, name);
      if (fault === 'retry-after-ms-700') assert.equal(outcome.failure?.retryAfterMs, 700, name);
    }),
  );
});

test('in the midst of a stream: after exactly so many tokens, whatever the slicing', async () => {
  const cases = NAMES.flatMap((name) =>
    Object.entries(AMID)
      .filter(([fault]) => canDrill(faultOf(fault.replace('N', '5')), DIALECTS[name].framing))
      .flatMap(([fault, code]) =>
        [0, 1, 5].flatMap((n) => [1, 7, 100_000].map((size) => ({ name, fault, code, n, size }))),
      ),
  );
  await Promise.all(
    cases.map(async ({ name, fault, code, n, size }) => {
      const what = `${name} ${fault} n=${n} in pieces of ${size}`;
      const { outcome, text, called, closed } = await attempt(name, faultOf(fault.replace('N', String(n))), true, size);
      assert.equal(outcome.failure?.code, code, what);
      const shown = fault === 'cut-in-json' ? 3 : n;
      assert.equal(text, WORDS.slice(0, shown).join(''), what);
      assert.ok(called && closed, `${what}: the vendor was called, and its socket closed`);
      assert.ok(outcome.accepted, `${what}: it is charged`);
    }),
  );
});

test('more tokens wished than there are: it breaks before the terminal signal', async () => {
  const cases = NAMES.flatMap((name) =>
    ['cut-after-1000', 'end-after-1000', 'stall-after-1000'].map((fault) => ({ name, fault })),
  );
  await Promise.all(
    cases.map(async ({ name, fault }) => {
      const { outcome, text } = await attempt(name, faultOf(fault), true);
      assert.ok(outcome.failure, `${name} ${fault}`);
      assert.equal(outcome.finishReason, null, `${name} ${fault}`);
      assert.equal(text, WORDS.join(''), `${name} ${fault}`);
    }),
  );
});

test('a body that comes whole is never taken for an answer', async () => {
  const cases = NAMES.flatMap((name) =>
    Object.entries(AMID).flatMap(([fault, code]) => [0, 5, 100_000].map((n) => ({ name, fault, code, n }))),
  );
  await Promise.all(
    cases.map(async ({ name, fault, code, n }) => {
      const asked = faultOf(fault.replace('N', String(n)));
      if (!canDrill(asked, DIALECTS[name].framing)) return;
      const { outcome, text } = await attempt(name, asked, false);
      const what = `${name} ${fault} n=${n}`;
      assert.equal(outcome.finishReason, null, what);
      assert.equal(text, '', what);
      assert.equal(outcome.failure?.code, code, what);
    }),
  );
});

test('what cannot be put into binary events is not offered there', () => {
  assert.ok(!canDrill(faultOf('error-after-5'), 'aws-eventstream'));
  assert.ok(canDrill(faultOf('cut-after-5'), 'aws-eventstream'));
  assert.ok(!canDrill(faultOf('crlf'), 'sse'), 'an odd answer is no fault');
  assert.equal(drillFaults('sse').length, drillFaults('aws-eventstream').length + 3);
});

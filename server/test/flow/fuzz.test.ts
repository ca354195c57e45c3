/** Random bodies and headers by the hundred: whatever is sent, it is never our error. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import fc from 'fast-check';
import { call } from '../support/api.ts';
import { type Server, startServer } from '../support/server.ts';

let server: Server;
before(async () => {
  server = await startServer();
});
after(async () => {
  const alive = await call(server, '/healthz').catch(() => null);
  const code = await server.stop();
  assert.equal(alive?.status, 200, `alive after all of it (exit ${code}): ${server.stderr()}`);
  assert.equal(code, 0);
  assert.doesNotMatch(server.stderr(), /a request failed/, 'nothing that was sent was an error of ours');
});

/** Fields that exist, with values that mostly should not. */
const FIELDS = [
  'prompt',
  'messages',
  'system',
  'user_id',
  'task_type',
  'model',
  'provider_hint',
  'priority',
  'max_tokens',
  'temperature',
  'top_p',
  'stop',
  'seed',
  'tools',
  'tool_choice',
  'parallel_tool_calls',
  'response_format',
  'reasoning_effort',
  'deadline_ms',
  'not_before',
  'failover',
  'retrieval',
  'callback_url',
  'labels',
  'metadata',
  'stream',
  'stream_options',
  'n',
  'functions',
  'logprobs',
  'role',
  'content',
];
const sane: Record<string, unknown> = {
  prompt: 'fuzz [[sim tokens=1]]',
  messages: [{ role: 'user', content: 'fuzz [[sim tokens=1]]' }],
};

test('random bodies: never a 5xx, on the API and at the door', { timeout: 120_000 }, async () => {
  const value = fc.oneof(
    fc.jsonValue({ maxDepth: 3, noUnicodeString: false }),
    fc.string({ unit: 'binary' }),
    fc.array(
      fc.record({
        role: fc.constantFrom('user', 'assistant', 'system', 'tool', 'x'),
        content: fc.jsonValue({ maxDepth: 2 }),
      }),
    ),
    fc.array(
      fc.record({
        type: fc.constant('function'),
        function: fc.record({ name: fc.string(), parameters: fc.jsonValue({ maxDepth: 2 }) }),
      }),
    ),
    fc.double(),
    fc.constantFrom(null, '', '\0', '\ud800', [], {}, -1, 0, 1e300, true),
  );
  const body = fc.dictionary(fc.constantFrom(...FIELDS), value, { maxKeys: 5 });
  const samples = fc.sample(body, { numRuns: 500, seed: 20_260_101 });
  for (let i = 0; i < samples.length; i += 10) {
    await Promise.all(
      samples.slice(i, i + 10).map(async (sample, k) => {
        const path = k % 2 === 0 ? '/mcp/v1/request' : '/v1/chat/completions';
        // Half of them have what is required, so that the rest is looked at.
        const base =
          (i + k) % 3 === 0
            ? {}
            : path === '/v1/chat/completions'
              ? { messages: sane.messages }
              : { prompt: sane.prompt };
        const json = {
          ...sample,
          ...base,
          ...(path.startsWith('/mcp') && 'messages' in sample ? { prompt: undefined } : {}),
        };
        const answer = await call(server, path, { json });
        assert.ok(answer.status < 500, `${answer.status} ${answer.text} for ${path} ${JSON.stringify(json)}`);
        if (answer.status >= 400) assert.doesNotMatch(answer.text, /\.ts:\d+|node_modules|violates|syntax error/);
      }),
    );
  }
});

test('random headers of the door: never a 5xx', { timeout: 60_000 }, async () => {
  const names = [
    'x-mcp-task',
    'x-mcp-user',
    'x-mcp-labels',
    'x-mcp-failover',
    'x-mcp-deadline-ms',
    'idempotency-key',
    'x-mcp-hop',
  ];
  const header = fc.dictionary(fc.constantFrom(...names), fc.string({ unit: 'grapheme-ascii', maxLength: 40 }), {
    maxKeys: 4,
  });
  for (const headers of fc.sample(header, { numRuns: 120, seed: 7 })) {
    const answer = await call(server, '/v1/chat/completions', { json: { messages: sane.messages }, headers });
    assert.ok(answer.status < 500, `${answer.status} ${answer.text} for ${JSON.stringify(headers)}`);
  }
});

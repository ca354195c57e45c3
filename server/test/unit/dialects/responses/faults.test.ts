import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Part } from '../../../../src/contract/part.ts';
import { responses } from '../../../../src/dialects/responses/index.ts';
import { assemble, read } from '../read.ts';
import * as fixture from './fixtures.ts';
import { completed, event, response, text } from './fixtures.ts';

const parts = (stream: string) => read(responses, stream, responses.vendor.decoder({}));
const outcome = (stream: string) => assemble(parts(stream));
const codes = (list: readonly Part[]) => list.map((part) => (part.type === 'failure' ? part.failure.code : part.type));
const whole = (body: object | string) =>
  assemble(responses.vendor.whole(typeof body === 'string' ? body : JSON.stringify(body), {}));

test('failures in the stream, each of its class', () => {
  assert.deepEqual(codes(parts(fixture.FAILED)), ['upstream_quota']);
  const failed = (error: object | null) =>
    outcome(event({ type: 'response.failed', response: response({ status: 'failed', error }) })).end;
  const table: Record<string, string> = {
    server_error: 'upstream_unavailable',
    rate_limit_exceeded: 'upstream_rate_limited',
    context_length_exceeded: 'upstream_context_too_long',
    invalid_prompt: 'content_filter',
    bio_policy: 'content_filter',
    image_content_policy_violation: 'content_filter',
    vector_store_timeout: 'upstream_timeout',
    invalid_image: 'upstream_rejected',
    image_too_large: 'upstream_rejected',
    server_is_overloaded: 'upstream_overloaded',
    slow_down: 'upstream_overloaded',
  };
  for (const [code, want] of Object.entries(table)) assert.equal(failed({ code, message: 'x' }), want, code);
  assert.equal(failed(null), 'upstream_unavailable');
  // As the reference has the event, and as OpenAI sends it.
  assert.equal(
    outcome(event({ type: 'error', code: 'server_error', message: 'x', param: null, sequence_number: 1 })).end,
    'upstream_unavailable',
  );
  assert.equal(
    outcome(event({ type: 'error', error: { type: 'server_error', code: null, message: 'x', param: null } })).end,
    'upstream_unavailable',
  );
  assert.equal(
    outcome('event: error\ndata: {"message":"rate limit","type":"rate_limit_error"}\n\n').end,
    'upstream_rate_limited',
  );
  assert.equal(
    outcome('data: {"error":{"message":"x","code":"context_length_exceeded"}}\n\n').end,
    'upstream_context_too_long',
  );
  const limited = parts(
    event({
      type: 'response.failed',
      response: response({
        status: 'failed',
        error: { code: 'rate_limit_exceeded', message: 'Please try again in 1.5s. Visit …' },
      }),
    }),
  )[0];
  assert.ok(limited?.type === 'failure' && limited.failure.retryAfterMs === 1500);
  // What comes after a failure is not said.
  assert.deepEqual(codes(parts(fixture.FAILED + text('late') + completed())), ['upstream_quota']);
});

test('streams that break off are never a success', () => {
  assert.deepEqual(codes(parts('')), ['upstream_truncated']);
  assert.deepEqual(codes(parts('data: [DONE]\n\n')), ['upstream_truncated']);
  assert.deepEqual(codes(parts(text('Hi'))), ['text', 'upstream_truncated']);
  // Every piece is closed, but the response is not.
  const cut = fixture.HELLO.slice(0, fixture.HELLO.indexOf('event: response.completed'));
  assert.equal(outcome(cut).end, 'upstream_truncated');
  assert.equal(outcome(`${cut}data: [DONE]\n\n`).end, 'upstream_truncated');
  assert.equal(outcome(fixture.HELLO.slice(0, -200)).end, 'upstream_truncated');
  // The last event lacks its blank line, but is whole.
  assert.equal(outcome(fixture.HELLO.trimEnd()).end, 'stop');
  assert.equal(outcome(`${text('Hi')}data: {"broken\n\n`).end, 'upstream_protocol');
  assert.equal(outcome('<!DOCTYPE html><html></html>').end, 'upstream_truncated');
});

test('keep-alives, unknown events and late ones say nothing; usage after the end is read', () => {
  const noise =
    ': comment\n\nevent: ping\ndata: {}\n\n' +
    event({ type: 'keepalive', sequence_number: 3 }) +
    event({ type: 'response.output_text.annotation.added', annotation: {}, output_index: 0 }) +
    event({ type: 'response.web_search_call.searching', item_id: 'ws', output_index: 0 }) +
    event({ type: 'response.something.new', delta: 'x' });
  const list = parts(noise + text('Hi') + noise + completed({ usage: null }) + text('late') + completed());
  assert.deepEqual(codes(list), ['text', 'finish', 'usage']);
});

test('usage that is not sane is not believed', () => {
  const usage = (value: unknown) => outcome(text('Hi') + completed({ usage: value })).usage;
  for (const value of [null, {}, { input_tokens: 0, output_tokens: 0 }, { input_tokens: -1, output_tokens: 5 }, 7]) {
    assert.equal(usage(value), null, JSON.stringify(value));
  }
  const odd = usage({
    input_tokens: 10,
    output_tokens: 5,
    input_tokens_details: { cached_tokens: 99 },
    output_tokens_details: { reasoning_tokens: 3 },
    total_tokens: 18,
  });
  // More cached than read is nonsense; a total with the reasoning beside it says that it is beside it.
  assert.deepEqual([odd?.cachedInputTokens, odd?.outputTokens, odd?.reasoningTokens], [0, 8, 3]);
});

test('whole answers: failures, ends that are none, documents that are no answers', () => {
  const ended = (body: object | string) => whole(body).end;
  assert.equal(ended(response({ output: [], usage: null })), 'stop');
  assert.equal(
    ended(response({ status: 'incomplete', incomplete_details: { reason: 'max_output_tokens' } })),
    'length',
  );
  assert.equal(
    ended(response({ status: 'failed', error: { code: 'server_error', message: 'x' } })),
    'upstream_unavailable',
  );
  for (const status of ['queued', 'in_progress', undefined]) {
    assert.equal(ended(response({ status })), 'upstream_truncated', String(status));
  }
  assert.equal(ended({ error: { message: 'no', type: 'insufficient_quota' } }), 'upstream_quota');
  assert.equal(ended({ object: 'list', data: [] }), 'upstream_protocol');
  assert.equal(ended('<html>'), 'upstream_protocol');
  assert.equal(ended(''), 'upstream_truncated');
  assert.equal(ended(fixture.WHOLE_CALL.slice(0, 700)), 'upstream_truncated');
  // A stream that nobody asked for.
  assert.equal(whole(fixture.HELLO).text, 'Hi there! How can I assist you today?');
});

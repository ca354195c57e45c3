import assert from 'node:assert/strict';
import { test } from 'node:test';
import { anthropic } from '../../../src/dialects/anthropic/index.ts';
import { openai } from '../../../src/dialects/openai/index.ts';
import { parseWait, retryAfterMs } from '../../../src/dialects/retry-after.ts';

const NOW = Date.parse('2026-11-23T05:00:00Z');
const failure = (status: number, body: unknown, headers: Record<string, string> = {}) =>
  openai.vendor.failure(status, headers, typeof body === 'string' ? body : JSON.stringify(body), NOW);
const openaiError = (message: string, type: string, code: string | null = null) => ({
  error: { message, type, param: null, code },
});
const claudeError = (type: string, message: string) => ({
  type: 'error',
  error: { type, message },
  request_id: 'req_1',
});

test('errors are classed by status and by what the body says', () => {
  const table: [number, unknown, string][] = [
    // OpenAI
    [
      401,
      openaiError('Incorrect API key provided', 'invalid_request_error', 'invalid_api_key'),
      'upstream_unauthorized',
    ],
    [429, openaiError('You exceeded your current quota', 'insufficient_quota', 'insufficient_quota'), 'upstream_quota'],
    [429, openaiError('Rate limit reached for gpt-4o', 'tokens', 'rate_limit_exceeded'), 'upstream_rate_limited'],
    [
      429,
      openaiError('Request too large for gpt-4o on tokens per min (TPM)', 'tokens', 'rate_limit_exceeded'),
      'upstream_rate_limited',
    ],
    [
      404,
      openaiError('The model `x` does not exist', 'invalid_request_error', 'model_not_found'),
      'upstream_unknown_model',
    ],
    [
      400,
      openaiError(
        "This model's maximum context length is 8192 tokens.",
        'invalid_request_error',
        'context_length_exceeded',
      ),
      'upstream_context_too_long',
    ],
    [
      400,
      openaiError(
        'max_tokens is too large: 100000. This model supports at most 4096 completion tokens',
        'invalid_request_error',
      ),
      'upstream_rejected',
    ],
    [
      400,
      openaiError("Unsupported parameter: 'max_tokens'", 'invalid_request_error', 'unsupported_parameter'),
      'upstream_rejected',
    ],
    [400, openaiError('The response was filtered', 'invalid_request_error', 'content_filter'), 'content_filter'],
    [
      400,
      openaiError(
        'Invalid prompt: flagged as potentially violating our usage policy',
        'invalid_request_error',
        'invalid_prompt',
      ),
      'content_filter',
    ],
    [403, openaiError('Country, region, or territory not supported', 'request_forbidden'), 'upstream_forbidden'],
    [500, openaiError('The server had an error', 'server_error'), 'upstream_unavailable'],
    [503, openaiError('The engine is currently overloaded', 'server_error'), 'upstream_overloaded'],
    // Anthropic
    [
      400,
      claudeError('invalid_request_error', 'prompt is too long: 210000 tokens > 200000 maximum'),
      'upstream_context_too_long',
    ],
    [
      400,
      claudeError(
        'invalid_request_error',
        'input length and `max_tokens` exceed context limit: 190000 + 21333 > 200000',
      ),
      'upstream_context_too_long',
    ],
    [
      400,
      claudeError('invalid_request_error', 'Your credit balance is too low to access the Anthropic API'),
      'upstream_quota',
    ],
    [400, claudeError('invalid_request_error', 'You have reached your specified API usage limits.'), 'upstream_quota'],
    [400, claudeError('invalid_request_error', 'max_tokens: Field required'), 'upstream_rejected'],
    [401, claudeError('authentication_error', 'invalid x-api-key'), 'upstream_unauthorized'],
    [402, claudeError('billing_error', 'Payment required'), 'upstream_quota'],
    [403, claudeError('permission_error', 'Your API key does not have permission'), 'upstream_forbidden'],
    [404, claudeError('not_found_error', 'model: claude-x'), 'upstream_unknown_model'],
    [413, claudeError('request_too_large', 'Request exceeds the maximum size'), 'upstream_rejected'],
    [429, claudeError('rate_limit_error', 'This request would exceed your rate limit'), 'upstream_rate_limited'],
    [
      429,
      {
        type: 'error',
        error: { type: 'rate_limit_error', message: 'x', details: { error_code: 'contract_spend_limit_reached' } },
      },
      'upstream_quota',
    ],
    [500, claudeError('api_error', 'Internal server error'), 'upstream_unavailable'],
    [504, claudeError('timeout_error', 'Request timed out'), 'upstream_timeout'],
    [529, claudeError('overloaded_error', 'Overloaded'), 'upstream_overloaded'],
    // Others
    [402, { error: { code: 402, message: 'Insufficient credits' } }, 'upstream_quota'],
    [
      400,
      [
        {
          error: { code: 400, message: 'API key not valid. Please pass a valid API key.', status: 'INVALID_ARGUMENT' },
        },
      ],
      'upstream_unauthorized',
    ],
    [
      429,
      [{ error: { code: 429, message: 'You exceeded your current quota', status: 'RESOURCE_EXHAUSTED' } }],
      'upstream_rate_limited',
    ],
    [
      400,
      { object: 'error', message: 'Invalid model: x', type: 'invalid_model', code: '1500' },
      'upstream_unknown_model',
    ],
    [422, { detail: [{ loc: ['body', 'x'], msg: 'Extra inputs are not permitted' }] }, 'upstream_rejected'],
    [429, { error: { type: 'engine_overloaded_error', message: 'busy' } }, 'upstream_overloaded'],
    [404, { error: 'model "x" not found, try pulling it first' }, 'upstream_unknown_model'],
    [403, { error: { code: 403, message: 'Your input was flagged', metadata: {} } }, 'content_filter'],
    // Statuses alone
    [301, '', 'upstream_redirect'],
    [307, '<html>', 'upstream_redirect'],
    [408, '', 'upstream_timeout'],
    [409, '', 'upstream_rejected'],
    [418, '', 'upstream_rejected'],
    [422, '', 'upstream_rejected'],
    [500, '<html><h1>boo</h1></html>', 'upstream_unavailable'],
    [502, 'bad gateway', 'upstream_unavailable'],
    [503, '', 'upstream_unavailable'],
    [504, '', 'upstream_timeout'],
    [524, '', 'upstream_timeout'],
    [599, '', 'upstream_unavailable'],
  ];
  for (const [status, body, code] of table) {
    assert.equal(failure(status, body).code, code, `${status} ${JSON.stringify(body)}`);
    assert.equal(anthropic.vendor.failure(status, {}, JSON.stringify(body), NOW).status, status);
  }
});

test('details are short, clean, without HTML and without keys', () => {
  assert.equal(failure(502, '<html><body>secret page</body></html>').detail, 'an HTML page');
  assert.equal(failure(503, '').detail, 'HTTP 503');
  assert.equal(failure(500, 'plain\r\n\u0000text').detail, 'plain text');
  const long = failure(400, openaiError(`no ${'x'.repeat(2000)}`, 'invalid_request_error'));
  assert.ok(long.detail.length <= 500);
  const key = failure(401, openaiError('Incorrect API key provided: sk-proj-********************abcd. You can', 'x'));
  assert.equal(key.detail, 'x: Incorrect API key provided: [key] You can');
});

test('how long to wait', () => {
  const table: [Record<string, string>, number | undefined][] = [
    [{}, undefined],
    [{ 'retry-after-ms': '1500', 'retry-after': '9' }, 1500],
    [{ 'retry-after': '2' }, 2000],
    [{ 'retry-after': '0.5' }, 500],
    [{ 'retry-after': 'Mon, 23 Nov 2026 05:00:30 GMT' }, 30_000],
    [{ 'retry-after': 'Mon, 23 Nov 2026 04:00:30 GMT' }, 0],
    [{ 'retry-after': 'soon' }, undefined],
    [{ 'retry-after': '-5' }, undefined],
    [{ 'retry-after': '99999999' }, 7 * 86_400_000],
    [{ 'x-ratelimit-reset-requests': '1s', 'x-ratelimit-reset-tokens': '6m0s' }, 360_000],
    [{ 'x-ratelimit-reset-requests': '20ms' }, 20],
    [{ 'x-ratelimit-reset-tokens': '2m59.56s' }, 179_560],
    [
      {
        'x-ratelimit-reset-requests': '1s',
        'x-ratelimit-remaining-requests': '0',
        'x-ratelimit-reset-tokens': '6m0s',
        'x-ratelimit-remaining-tokens': '100',
      },
      1000,
    ],
    [
      {
        'x-ratelimit-reset-requests': '8s',
        'x-ratelimit-remaining-requests': '5',
        'x-ratelimit-reset-tokens': '6s',
        'x-ratelimit-remaining-tokens': '1',
      },
      6000,
    ],
    [{ 'x-ratelimit-reset': String(NOW / 1000 + 12) }, 12_000],
    [{ 'x-ratelimit-reset': String(NOW + 700) }, 700],
    [{ 'x-ratelimit-reset': '2026-11-23T05:01:00Z' }, 60_000],
    [
      { 'anthropic-ratelimit-requests-reset': '2026-11-23T05:00:10Z', 'anthropic-ratelimit-requests-remaining': '0' },
      10_000,
    ],
    [
      {
        'anthropic-ratelimit-tokens-reset': '2026-11-23T05:00:10+00:00',
        'anthropic-ratelimit-input-tokens-reset': '2026-11-23T05:00:20Z',
      },
      20_000,
    ],
  ];
  for (const [headers, wait] of table) assert.equal(retryAfterMs(headers, NOW, true), wait, JSON.stringify(headers));
  assert.equal(failure(429, '', { 'retry-after': '3' }).retryAfterMs, 3000);
  assert.equal('retryAfterMs' in failure(429, ''), false);
  // OpenAI sends its limits with every answer; a server error is not worth six minutes of waiting.
  assert.equal('retryAfterMs' in failure(500, '', { 'x-ratelimit-reset-tokens': '6m0s' }), false);
  assert.equal(failure(503, '', { 'retry-after': '1' }).retryAfterMs, 1000);
});

test('waits that only the body names', () => {
  const google = { error: { code: 429, message: 'x', details: [{ '@type': 'RetryInfo', retryDelay: '34s' }] } };
  assert.equal(failure(429, [google]).retryAfterMs, 34_000);
  assert.equal(
    failure(429, openaiError('Limit 3 / min. Please try again in 20s. Visit', 'requests')).retryAfterMs,
    20_000,
  );
  assert.equal(failure(429, openaiError('Please try again in 1m2.5s.', 'requests')).retryAfterMs, 62_500);
  for (const text of ['', 'x', '1 s', 's', '1x']) assert.equal(parseWait(text, NOW), null, text);
});

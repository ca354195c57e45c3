/** Google's refusals, in the classes that routing knows. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gemini } from '../../../../src/dialects/gemini/index.ts';
import { API_KEY_INVALID, quotaError } from './fixtures.ts';

test('errors: what Google means beyond the status', () => {
  const fail = (status: number, body: unknown, now = 0) =>
    gemini.vendor.failure(status, {}, typeof body === 'string' ? body : JSON.stringify(body), now);
  const error = (code: number, status: string, message: string) => ({ error: { code, status, message } });
  const table: [number, unknown, string][] = [
    [400, API_KEY_INVALID, 'upstream_unauthorized'],
    [400, error(400, 'INVALID_ARGUMENT', 'API key expired. Please renew the API key.'), 'upstream_unauthorized'],
    [
      403,
      error(403, 'PERMISSION_DENIED', 'Your API key was reported as leaked. Please use another API key.'),
      'upstream_unauthorized',
    ],
    [403, error(403, 'PERMISSION_DENIED', 'Method doesn’t allow unregistered callers'), 'upstream_forbidden'],
    [400, error(400, 'FAILED_PRECONDITION', 'User location is not supported for the API use.'), 'upstream_forbidden'],
    [404, error(404, 'NOT_FOUND', 'models/x is not found for API version v1beta'), 'upstream_unknown_model'],
    [
      400,
      error(
        400,
        'INVALID_ARGUMENT',
        'The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).',
      ),
      'upstream_context_too_long',
    ],
    [
      400,
      error(
        400,
        'INVALID_ARGUMENT',
        'Unable to submit request because the input token count is 1200000 but model only supports up to 1048576. Reduce the input token count and try again.',
      ),
      'upstream_context_too_long',
    ],
    [
      400,
      error(400, 'INVALID_ARGUMENT', 'Requests ending with a model turn are not supported.'),
      'unsupported_by_target',
    ],
    [
      400,
      error(400, 'INVALID_ARGUMENT', 'Function call is missing a thought_signature in functionCall parts.'),
      'unsupported_by_target',
    ],
    [400, error(400, 'INVALID_ARGUMENT', 'Corrupted thought signature.'), 'unsupported_by_target'],
    [
      400,
      error(400, 'INVALID_ARGUMENT', 'Thinking level MINIMAL is not supported for this model.'),
      'upstream_rejected',
    ],
    [429, error(429, 'RESOURCE_EXHAUSTED', 'Your prepayment credits are depleted.'), 'upstream_quota'],
    [429, error(429, 'RESOURCE_EXHAUSTED', 'Resource exhausted. Please try again later.'), 'upstream_rate_limited'],
    [503, [error(503, 'UNAVAILABLE', 'The model is overloaded. Please try again later.')], 'upstream_overloaded'],
    [500, error(500, 'INTERNAL', 'An internal error has occurred.'), 'upstream_unavailable'],
    [504, error(504, 'DEADLINE_EXCEEDED', 'x'), 'upstream_timeout'],
    [502, '<html>', 'upstream_unavailable'],
    [302, '', 'upstream_redirect'],
  ];
  for (const [status, body, code] of table) assert.equal(fail(status, body).code, code, JSON.stringify(body));
  assert.equal(fail(429, quotaError('GenerateRequestsPerMinutePerProjectPerModel-FreeTier')).retryAfterMs, 34_400);
  // 10:00 UTC in winter is 02:00 in California: 22 hours are left of its day.
  const day = quotaError('GenerateRequestsPerDayPerProjectPerModel-FreeTier');
  const winter = fail(429, day, Date.UTC(2026, 0, 15, 10));
  assert.deepEqual([winter.code, winter.retryAfterMs], ['upstream_rate_limited', 22 * 3_600_000]);
  assert.equal(fail(429, `[${day}]`, Date.UTC(2026, 6, 15, 6, 59, 30)).retryAfterMs, 34_400);
  assert.equal(fail(429, `[${day}]`, Date.UTC(2026, 6, 15, 6, 59)).retryAfterMs, 60_000);
});

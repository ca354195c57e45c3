import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bedrockFailure } from '../../../../src/dialects/bedrock/failure.ts';

const failure = (status: number, type: string, message: string, headers: Record<string, string> = {}) =>
  bedrockFailure(status, { ...(type ? { 'x-amzn-errortype': type } : {}), ...headers }, JSON.stringify({ message }), 0);

test('every documented exception has its class', () => {
  const table: [number, string, string, string][] = [
    [429, 'ThrottlingException', 'Too many requests, please wait before trying again.', 'upstream_rate_limited'],
    [429, 'ThrottlingException', 'Too many tokens per day, please wait before trying again.', 'upstream_rate_limited'],
    [400, 'ServiceQuotaExceededException', 'Your request exceeds the service quota', 'upstream_rate_limited'],
    [429, 'ModelNotReadyException', 'Model is not ready for inference', 'upstream_overloaded'],
    [408, 'ModelTimeoutException', 'Model has timed out in processing the request', 'upstream_timeout'],
    [424, 'ModelErrorException', 'The system encountered an unexpected error', 'upstream_unavailable'],
    [500, 'InternalServerException', 'An internal server error occurred', 'upstream_unavailable'],
    [503, 'ServiceUnavailableException', 'Bedrock is unable to process your request.', 'upstream_unavailable'],
    [404, 'ResourceNotFoundException', 'The specified resource ARN was not found', 'upstream_unknown_model'],
    [404, 'ResourceNotFoundException', 'This model version has reached the end of its life.', 'upstream_unknown_model'],
    [
      404,
      'ResourceNotFoundException',
      'Model use case details have not been submitted for this account.',
      'upstream_forbidden',
    ],
    [
      403,
      'AccessDeniedException',
      "You don't have access to the model with the specified model ID.",
      'upstream_forbidden',
    ],
    [
      403,
      'AccessDeniedException',
      'Authentication failed: Please make sure your API Key is valid.',
      'upstream_unauthorized',
    ],
    [
      403,
      'AccessDeniedException',
      'Model access is denied due to INVALID_PAYMENT_INSTRUMENT: A valid payment instrument must be provided.',
      'upstream_quota',
    ],
    [
      403,
      'UnrecognizedClientException',
      'The security token included in the request is invalid.',
      'upstream_unauthorized',
    ],
    [403, 'ExpiredTokenException', 'The security token included in the request is expired', 'upstream_unauthorized'],
    [
      403,
      'InvalidSignatureException',
      'Signature expired: 20261101T000000Z is now earlier than',
      'upstream_unauthorized',
    ],
    [403, 'MissingAuthenticationTokenException', 'Missing Authentication Token', 'upstream_unauthorized'],
    [400, 'ValidationException', 'The text field in the ContentBlock object is blank.', 'upstream_rejected'],
    [400, 'ValidationException', 'Input is too long for requested model.', 'upstream_context_too_long'],
    [
      400,
      'ValidationException',
      'The model returned the following errors: prompt is too long: 209868 tokens > 200000 maximum',
      'upstream_context_too_long',
    ],
    [
      400,
      'ValidationException',
      'The model returned the following errors: Input Tokens Exceeded: Number of input tokens exceeds maximum length.',
      'upstream_context_too_long',
    ],
    [400, 'ValidationException', 'The provided model identifier is invalid.', 'upstream_unknown_model'],
    [
      400,
      'ValidationException',
      'Invocation of model ID x with on-demand throughput isn’t supported. Retry with an inference profile.',
      'upstream_unknown_model',
    ],
    [400, 'SomethingNewException', 'x', 'upstream_rejected'],
    [502, '', 'x', 'upstream_unavailable'],
  ];
  for (const [status, type, message, code] of table) {
    const found = failure(status, type, message);
    assert.deepEqual([found.code, found.status], [code, status], `${type}: ${message}`);
    assert.ok(found.detail.includes(message.slice(0, 20)) || message === 'x');
  }
});

test('names in all the forms in which they come', () => {
  const body = JSON.stringify({ __type: 'com.amazon.coral.validate#ThrottlingException', Message: 'slow' });
  assert.equal(bedrockFailure(400, {}, body, 0).code, 'upstream_rate_limited');
  const name = 'ModelNotReadyException:http://internal.amazon.com/coral/com.amazon.bedrock/';
  assert.equal(bedrockFailure(429, { 'x-amzn-errortype': name }, '', 0).code, 'upstream_overloaded');
  assert.equal(bedrockFailure(503, {}, '<html><body>busy</body></html>', 0).code, 'upstream_unavailable');
  assert.equal(bedrockFailure(302, {}, '', 0).code, 'upstream_redirect');
  assert.equal(bedrockFailure(400, {}, '[]', 0).code, 'upstream_rejected');
});

test('waits are honoured', () => {
  assert.equal(failure(429, 'ThrottlingException', 'x', { 'retry-after': '7' }).retryAfterMs, 7000);
});

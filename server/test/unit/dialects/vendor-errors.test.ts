/** Errors in the words of the vendors of the OpenAI dialect, and what they count. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VENDORS } from '../../../src/catalogue/vendors.ts';
import type { Quirks } from '../../../src/contract/quirks.ts';
import { openai } from '../../../src/dialects/openai/index.ts';
import { assemble, read } from './read.ts';

const classOf = (status: number, body: unknown): string =>
  openai.vendor.failure(status, {}, JSON.stringify(body), 0).code;

test('what their error pages say', () => {
  for (const [status, body, expected] of [
    // api-docs.deepseek.com/quick_start/error_codes
    [
      402,
      { error: { message: 'Insufficient Balance', type: 'unknown_error', code: 'invalid_request_error' } },
      'upstream_quota',
    ],
    // platform.moonshot.ai/docs/api/errors
    [
      429,
      {
        error: {
          type: 'exceeded_current_quota_error',
          message: 'Your account is suspended, please check your plan and billing details',
        },
      },
      'upstream_quota',
    ],
    [
      429,
      {
        error: {
          type: 'engine_overloaded_error',
          message: 'The engine is currently overloaded, please try again later',
        },
      },
      'upstream_overloaded',
    ],
    [
      400,
      {
        error: {
          type: 'invalid_request_error',
          message: 'Invalid request: Your request exceeded model token limit: 8192',
        },
      },
      'upstream_context_too_long',
    ],
    [
      400,
      { error: { type: 'content_filter', message: 'The request was rejected because it was considered high risk' } },
      'content_filter',
    ],
    // help.aliyun.com/model-studio/error-code
    [
      400,
      { error: { code: 'Arrearage', message: 'Access denied, please make sure your account is in good standing.' } },
      'upstream_quota',
    ],
    [
      400,
      { error: { code: 'invalid_parameter_error', message: 'Range of input length should be [1, 30720]' } },
      'upstream_context_too_long',
    ],
    [
      400,
      { error: { code: 'data_inspection_failed', message: 'Input data may contain inappropriate content.' } },
      'content_filter',
    ],
    // docs.z.ai/api-reference/api-code
    [
      429,
      { error: { code: '1113', message: 'Insufficient balance or no resource package. Please recharge.' } },
      'upstream_quota',
    ],
    [400, { error: { code: '1261', message: 'Prompt exceeds max length' } }, 'upstream_context_too_long'],
    [429, { error: { code: '1302', message: 'High concurrency usage of this API' } }, 'upstream_rate_limited'],
    // x.ai
    [
      403,
      { code: 'The caller does not have permission', error: "Your newly created team doesn't have any credits yet." },
      'upstream_quota',
    ],
    // docs.fireworks.ai
    [
      412,
      {
        error: {
          message: 'Account x is suspended, possibly due to reaching the monthly spending limit',
          code: 'PRECONDITION_FAILED',
        },
      },
      'upstream_quota',
    ],
    // learn.microsoft.com, Azure OpenAI
    [
      404,
      { error: { code: 'DeploymentNotFound', message: 'The API deployment for this resource does not exist.' } },
      'upstream_unknown_model',
    ],
    [
      400,
      {
        error: {
          code: 'content_filter',
          message: "The response was filtered due to the prompt triggering Azure OpenAI's content management policy.",
          innererror: { code: 'ResponsibleAIPolicyViolation' },
        },
      },
      'content_filter',
    ],
    // docs.perplexity.ai
    [
      400,
      { error: { message: 'Last message must have role `user` or `tool`', type: 'invalid_message', code: 400 } },
      'upstream_rejected',
    ],
  ] as const) {
    assert.equal(classOf(status, body), expected, JSON.stringify(body));
  }
});

test('MiniMax says in a 200 that it failed, and in every answer that it did not', () => {
  const failed = (code: number, status_msg: string) => ({
    id: 'x',
    choices: null,
    base_resp: { status_code: code, status_msg },
  });
  for (const [code, text, expected] of [
    [1004, 'login fail: Please carry the API secret key in the Authorization field', 'upstream_unauthorized'],
    [1008, 'insufficient balance', 'upstream_quota'],
    [1002, 'rate limit', 'upstream_rate_limited'],
    [1027, 'output new_sensitive', 'content_filter'],
    [1000, 'unknown error', 'upstream_unavailable'],
  ] as const) {
    const body = JSON.stringify(failed(code, text));
    assert.equal(assemble(openai.vendor.whole(body, {})).end, expected, text);
    assert.equal(assemble(read(openai, `data: ${body}\n\n`)).end, expected, text);
  }
  const choices = [{ index: 0, message: { role: 'assistant', content: 'Hi' }, finish_reason: 'stop' }];
  const well = JSON.stringify({ id: 'x', choices, base_resp: { status_code: 0, status_msg: '' } });
  assert.deepEqual(
    [assemble(openai.vendor.whole(well, {})).text, assemble(openai.vendor.whole(well, {})).end],
    ['Hi', 'stop'],
  );
});

test('usage and cost where each vendor puts them', () => {
  const usageOf = (document: object, quirks: Quirks = {}) => {
    const choices = [{ index: 0, message: { role: 'assistant', content: 'x' }, finish_reason: 'stop' }];
    return assemble(openai.vendor.whole(JSON.stringify({ choices, ...document }), quirks)).usage;
  };
  const counts = { prompt_tokens: 10, completion_tokens: 4, total_tokens: 14 };
  // openrouter.ai/docs/use-cases/usage-accounting
  const openrouter = usageOf({ usage: { ...counts, cost: 0.00095, cost_details: { upstream_inference_cost: null } } });
  assert.deepEqual([openrouter?.costUsd, openrouter?.inputTokens], [0.00095, 10]);
  assert.equal(usageOf({ usage: { ...counts, cost: { total_cost: 0.006, request_cost: 0.005 } } })?.costUsd, 0.006);
  for (const cost of [-1, 1e9, '0.1', null, Number.NaN]) {
    assert.equal('costUsd' in (usageOf({ usage: { ...counts, cost } }) ?? {}), false);
  }
  assert.equal(usageOf({ x_groq: { id: 'r', usage: counts } })?.outputTokens, 4);
  const alibaba = { ...counts, prompt_tokens_details: { cached_tokens: 2, cache_creation_input_tokens: 5 } };
  assert.equal(usageOf({ usage: alibaba })?.cacheWriteTokens, 5);
  const perplexity = VENDORS.find(({ name }) => name === 'perplexity')?.quirks ?? {};
  // docs.perplexity.ai/models/models/sonar-deep-research
  const deep = { prompt_tokens: 33, completion_tokens: 7163, total_tokens: 7196, reasoning_tokens: 73_408 };
  const usage = usageOf({ usage: deep }, perplexity);
  assert.deepEqual([usage?.outputTokens, usage?.reasoningTokens], [7163 + 73_408, 73_408]);
  assert.equal(usageOf({ usage: counts }, perplexity)?.outputTokens, 4);
});

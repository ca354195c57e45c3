/** The response object: what every event about the whole response, and every unstreamed answer, carries. */
import { ERRORS, type ErrorCode } from '../../contract/errors.ts';
import type { FinishReason } from '../../contract/part.ts';
import type { Json } from '../json.ts';

/** Fields that say how the answer was asked for, with what stands for one that the caller left out. */
const ASKED: Readonly<Record<string, unknown>> = {
  background: false,
  frequency_penalty: 0,
  instructions: null,
  max_output_tokens: null,
  max_tool_calls: null,
  metadata: {},
  parallel_tool_calls: true,
  presence_penalty: 0,
  previous_response_id: null,
  prompt_cache_key: null,
  reasoning: { effort: null, summary: null },
  safety_identifier: null,
  service_tier: 'default',
  store: true,
  temperature: 1,
  text: { format: { type: 'text' } },
  tool_choice: 'auto',
  tools: [],
  top_logprobs: 0,
  top_p: 1,
  truncation: 'disabled',
  user: null,
};

/** `request` is the caller's body; null when it is not known. */
export function askedFields(request: Json | null): Json {
  const asked: Json = {};
  for (const [field, standing] of Object.entries(ASKED)) asked[field] = request?.[field] ?? standing;
  return asked;
}

export interface Ending {
  status: 'completed' | 'incomplete';
  incomplete_details: { reason: 'max_output_tokens' | 'content_filter' } | null;
}

export function endingOf(reason: FinishReason): Ending {
  if (reason === 'length') return { status: 'incomplete', incomplete_details: { reason: 'max_output_tokens' } };
  if (reason === 'content_filter') return { status: 'incomplete', incomplete_details: { reason: 'content_filter' } };
  return { status: 'completed', incomplete_details: null };
}

/** The codes that OpenAI documents, and those that its clients look for beyond them; others mean `server_error`. */
const CODES: Partial<Record<ErrorCode, string>> = {
  invalid_request: 'invalid_prompt',
  content_filter: 'invalid_prompt',
  unsupported_by_target: 'invalid_prompt',
  upstream_rejected: 'invalid_prompt',
  context_too_long: 'context_length_exceeded',
  upstream_context_too_long: 'context_length_exceeded',
  upstream_rate_limited: 'rate_limit_exceeded',
  tenant_queue_full: 'rate_limit_exceeded',
};

/** The `error` of a failed response. Our own code goes along: it says more than the documented few. */
export function responseError(code: string, message: string): Json {
  const known = Object.hasOwn(ERRORS, code) ? (CODES[code as ErrorCode] ?? 'server_error') : 'server_error';
  return { code: known, message, x_mcp_code: code };
}

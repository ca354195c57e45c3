/** Errors in OpenAI's words and shape. */
import type { Refusal, Voice } from './script.ts';

/** A request that the vendor refuses. Thrown while a request is read. */
export class Refused extends Error {
  readonly status: number;
  readonly type: string;
  readonly param: string | null;
  readonly code: string | null;

  constructor(
    status: number,
    message: string,
    param: string | null,
    code: string | null,
    type = 'invalid_request_error',
  ) {
    super(message);
    this.status = status;
    this.type = type;
    this.param = param;
    this.code = code;
  }
}

/** OpenAI indents error bodies by four. */
export function errorBody(message: string, type: string | null, param: string | null, code: string | null): string {
  return `${JSON.stringify({ error: { message, type, param, code } }, null, 4)}\n`;
}

export function refusedBody(refused: Refused): string {
  return errorBody(refused.message, refused.type, refused.param, refused.code);
}

const SERVER_ERROR = 'The server had an error while processing your request. Sorry about that!';

/** Status → message, type, code. As OpenAI words them where it uses the status, else as vendors of its dialect do. */
const STATUSES: Record<number, readonly [message: string, type: string, code: string | null]> = {
  400: ["Invalid value for 'messages'.", 'invalid_request_error', 'invalid_value'],
  401: [
    'Incorrect API key provided. You can find your API key at https://platform.openai.com/account/api-keys.',
    'invalid_request_error',
    'invalid_api_key',
  ],
  402: ['Insufficient balance', 'unknown_error', 'invalid_request_error'],
  403: ['Project does not have access to this model.', 'invalid_request_error', 'model_not_found'],
  404: ['The model does not exist or you do not have access to it.', 'invalid_request_error', 'model_not_found'],
  408: ['Timed out while processing your request.', 'server_error', 'timeout'],
  413: ['The request is too large.', 'invalid_request_error', 'request_too_large'],
  422: ['The request was well-formed but has values that cannot be used.', 'invalid_request_error', null],
  429: ['Rate limit reached for requests. Please try again later.', 'requests', 'rate_limit_exceeded'],
  500: [SERVER_ERROR, 'server_error', null],
  502: ['Bad gateway.', 'cf_bad_gateway', '502'],
  503: ['That model is currently overloaded with other requests.', 'server_error', 'service_unavailable'],
  504: ['The server took too long to answer.', 'server_error', 'gateway_timeout'],
  529: ['Overloaded', 'overloaded_error', null],
};

const JSON_TYPE: [string, string] = ['content-type', 'application/json; charset=utf-8'];

function refusal(status: number, kind: Refusal): { headers: [string, string][]; body: string } {
  const body = (): string => {
    switch (kind) {
      case 'quota':
        return errorBody(
          'You exceeded your current quota, please check your plan and billing details. For more information on this ' +
            'error, read the docs: https://platform.openai.com/docs/guides/error-codes/api-errors.',
          'insufficient_quota',
          null,
          'insufficient_quota',
        );
      case 'context':
        return errorBody(
          "This model's maximum context length is 8192 tokens. However, your messages resulted in 8227 tokens. " +
            'Please reduce the length of the messages.',
          'invalid_request_error',
          'messages',
          'context_length_exceeded',
        );
      case 'filter':
        // Azure's shape: the one that vendors of this dialect follow for a refused prompt.
        return `${JSON.stringify({
          error: {
            message:
              "The response was filtered due to the prompt triggering Azure OpenAI's content management policy. " +
              'Please modify your prompt and retry.',
            type: null,
            param: 'prompt',
            code: 'content_filter',
            status: 400,
            innererror: {
              code: 'ResponsibleAIPolicyViolation',
              content_filter_result: { violence: { filtered: true, severity: 'medium' } },
            },
          },
        })}\n`;
      default: {
        const [message, type, code] = STATUSES[status] ?? [`Status ${status}`, 'server_error', null];
        return errorBody(message, type, null, code);
      }
    }
  };
  return { headers: [JSON_TYPE], body: body() };
}

export const OPENAI_VOICE: Voice = {
  streamError: `data: ${JSON.stringify({ error: { message: SERVER_ERROR, type: 'server_error', param: null, code: null } })}\n\n`,
  // Flat on purpose: only the event's name says that this is an error.
  namedError: `event: error\ndata: ${JSON.stringify({ message: SERVER_ERROR, type: 'server_error', param: null, code: null })}\n\n`,
  badEvent: 'data: {"id":"chatcmpl-broken","choices":[{"index":0,"delta":{"content":oops}}]}\n\n',
  lateText:
    'data: {"id":"chatcmpl-late","object":"chat.completion.chunk","created":0,"model":"late",' +
    '"choices":[{"index":0,"delta":{"content":" LATE"},"logprobs":null,"finish_reason":null}]}\n\n',
  breakBefore: '"choices":',
  refusal,
};

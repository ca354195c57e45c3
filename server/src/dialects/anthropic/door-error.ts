/** Errors in Anthropic's shape: `{type: "error", error: {type, message}, request_id}`. */
import { ERRORS, type ErrorCode, type FieldError } from '../../contract/errors.ts';
import type { Json } from '../json.ts';

/** Types by status, as its page of errors has them; clients switch on them. Every other 4xx is an invalid request. */
const BY_STATUS: Readonly<Record<number, string>> = {
  401: 'authentication_error',
  402: 'billing_error',
  403: 'permission_error',
  404: 'not_found_error',
  410: 'not_found_error',
  413: 'request_too_large',
  429: 'rate_limit_error',
  504: 'timeout_error',
  529: 'overloaded_error',
};

/** 503 is not among Anthropic's statuses: it says 529 when it cannot take more. */
const TOO_MUCH: ReadonlySet<string> = new Set<ErrorCode>([
  'upstream_overloaded',
  'queue_full',
  'unavailable',
  'shutting_down',
]);

export function errorType(code: string, status: number): string {
  if (TOO_MUCH.has(code)) return 'overloaded_error';
  return BY_STATUS[status] ?? (status >= 500 ? 'api_error' : 'invalid_request_error');
}

/** `details.error_code` is where Anthropic's own errors have a word that never changes; ours is one of errors.ts. */
function errorObject(code: string, status: number, message: string, errors?: readonly FieldError[]): Json {
  const details: Json = { error_code: code };
  if (errors && errors.length > 0) details.errors = errors;
  return { type: errorType(code, status), message, details };
}

/** The JSON body of an error before the stream began. */
export function anthropicError(
  code: string,
  status: number,
  message: string,
  requestId: string | null,
  errors?: readonly FieldError[],
): string {
  return JSON.stringify({
    type: 'error',
    error: errorObject(code, status, message, errors),
    request_id: requestId,
  });
}

/** The same inside a stream. */
export function errorEvent(code: ErrorCode, message: string, requestId: string): string {
  return `event: error\ndata: ${anthropicError(code, ERRORS[code].status, message, requestId)}\n\n`;
}

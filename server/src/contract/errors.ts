/**
 * One table of everything that can go wrong. Nothing else in the code decides a status, a retry or a fallback.
 *
 * - `status`: HTTP status when this error answers a call.
 * - `callerRetry`: whether the caller may send the same again (`Retry-After`, else `x-should-retry: false`).
 * - `retry`: whether the same target may be tried again.
 * - `fallback`: whether another target may be tried.
 * - `breaker`: whether it counts against the health of the target.
 * - `title`: safe for anyone to read.
 */
interface ErrorRow {
  status: number;
  callerRetry: boolean;
  retry: boolean;
  fallback: boolean;
  breaker: boolean;
  title: string;
}

const ours = (status: number, title: string, callerRetry = false): ErrorRow => ({
  status,
  callerRetry,
  retry: false,
  fallback: false,
  breaker: false,
  title,
});
const theirs = (
  status: number,
  title: string,
  flags: { retry?: boolean; fallback?: boolean; breaker?: boolean; callerRetry?: boolean },
): ErrorRow => ({
  status,
  callerRetry: flags.callerRetry ?? false,
  retry: flags.retry ?? false,
  fallback: flags.fallback ?? false,
  breaker: flags.breaker ?? false,
  title,
});

const TRANSIENT = { retry: true, fallback: true, breaker: true, callerRetry: true };

export const ERRORS = {
  // The call itself.
  invalid_request: ours(400, 'The request has fields that cannot be accepted'),
  malformed_json: ours(400, 'The body is not valid JSON'),
  unsupported_media_type: ours(415, 'The content type or encoding is not accepted here'),
  body_too_large: ours(413, 'The body is too large'),
  context_too_long: ours(400, 'The prompt is longer than the model can read'),
  unknown_model: ours(404, 'No configured provider offers this model'),
  not_found: ours(404, 'There is nothing here by that name'),
  method_not_allowed: ours(405, 'This address does not take that method'),
  not_finished: ours(409, 'The request has not ended yet', true),
  gone: ours(410, 'This is no longer kept'),
  idempotency_mismatch: ours(422, 'The idempotency key was used with another body'),
  secret_blocked: ours(400, 'The request holds a secret that must not be sent'),
  loop_detected: ours(508, 'The call came back to where it started'),
  // Who asks.
  unauthorized: ours(401, 'A valid key is needed'),
  forbidden: ours(403, 'The key does not allow this'),
  policy_denied: ours(403, 'A policy does not allow this'),
  guardrail_blocked: ours(403, 'A guardrail stopped this'),
  too_many_tries: ours(429, 'Too many tries to sign in', true),
  // Whether it may run now.
  no_provider: ours(503, 'No provider is configured', true),
  rate_limited: ours(429, 'Too much in a minute, or at once', true),
  // 402: clients try a 429 again, whatever a header says.
  budget_exceeded: ours(402, 'The budget does not allow it'),
  price_unknown: ours(402, 'Nobody knows what this costs, and a budget has to hold'),
  tenant_queue_full: ours(429, 'Too many of your requests wait already', true),
  queue_full: ours(503, 'Too many requests wait already', true),
  unavailable: ours(503, 'The service cannot take requests right now', true),
  shutting_down: ours(503, 'This process is shutting down', true),
  internal: ours(500, 'Something went wrong on our side'),
  // How a request ended.
  timeout: ours(504, 'The request ran out of time'),
  expired: ours(504, 'The deadline passed before an answer was complete'),
  cancelled: ours(409, 'The request was cancelled'),
  interrupted: ours(502, 'The process that ran the request stopped', true),
  poisoned: ours(500, 'The request stopped its worker several times'),
  // What a vendor did.
  upstream_unreachable: theirs(502, 'The provider could not be reached', TRANSIENT),
  upstream_unavailable: theirs(502, 'The provider failed', TRANSIENT),
  upstream_overloaded: theirs(503, 'The provider is overloaded', TRANSIENT),
  upstream_timeout: theirs(504, 'The provider did not answer in time', TRANSIENT),
  upstream_truncated: theirs(502, 'The provider cut the answer short', TRANSIENT),
  upstream_protocol: theirs(502, 'The provider sent something that is not an answer', TRANSIENT),
  upstream_rate_limited: theirs(429, 'The provider limits our rate', {
    retry: true,
    fallback: true,
    callerRetry: true,
  }),
  upstream_quota: theirs(503, 'The account at the provider is used up', { fallback: true }),
  upstream_unauthorized: theirs(502, 'The provider refused our key', { fallback: true }),
  upstream_forbidden: theirs(502, 'The provider does not let our key use this model', { fallback: true }),
  upstream_unknown_model: theirs(404, 'The provider does not know this model', { fallback: true }),
  upstream_redirect: theirs(502, 'The provider answered with a redirect, which is never followed', { fallback: true }),
  egress_refused: theirs(502, 'The address of the provider may not be called', { fallback: true }),
  upstream_rejected: theirs(400, 'The provider refused the request', {}),
  upstream_context_too_long: theirs(400, 'The prompt is longer than the model can read', { fallback: true }),
  content_filter: theirs(422, "The provider's content filter stopped the answer", {}),
  unsupported_by_target: theirs(400, 'The provider cannot express this request', { fallback: true }),
} as const satisfies Record<string, ErrorRow>;

export type ErrorCode = keyof typeof ERRORS;

export interface FieldError {
  /** Dotted path in the caller's body, e.g. `messages.0.content`. */
  path: string;
  message: string;
}

/** The one error class. `detail` says what to change and is shown to the caller: no stack, key or vendor body in it. */
export class GoblinError extends Error {
  readonly code: ErrorCode;
  readonly detail: string;
  readonly errors: readonly FieldError[] | undefined;
  /** Milliseconds the caller should wait before it tries again. */
  readonly retryAfterMs: number | undefined;
  readonly requestId: string | undefined;
  readonly upstreamStatus: number | undefined;
  /** Headers of the answer that say more. */
  readonly headers: Readonly<Record<string, string>> | undefined;

  constructor(
    code: ErrorCode,
    detail: string,
    more: {
      errors?: readonly FieldError[];
      retryAfterMs?: number;
      requestId?: string;
      upstreamStatus?: number;
      headers?: Readonly<Record<string, string>>;
      cause?: unknown;
    } = {},
  ) {
    super(`${code}: ${detail}`, more.cause === undefined ? undefined : { cause: more.cause });
    this.name = 'GoblinError';
    this.code = code;
    this.detail = detail;
    this.errors = more.errors;
    this.retryAfterMs = more.retryAfterMs;
    this.requestId = more.requestId;
    this.upstreamStatus = more.upstreamStatus;
    this.headers = more.headers;
  }

  get status(): number {
    return ERRORS[this.code].status;
  }
}

/** The key stands for another call. */
export function mismatch(): GoblinError {
  return new GoblinError(
    'idempotency_mismatch',
    'This Idempotency-Key was used with another body; send the same body again, or use a new key.',
  );
}

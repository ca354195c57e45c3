/** Every refusal is a clear error: a stable code, a sentence that says what to change, nothing of our insides. */
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Caller } from '../contract/caller.ts';
import { ERRORS, type ErrorCode, type FieldError, GoblinError } from '../contract/errors.ts';
import type { Ledger } from '../contract/ports.ts';
import { scrub } from '../guard/secrets/scrub.ts';

/** Names the code; it is no address. */
const TYPE = 'urn:goblin:error:';

export interface Problem {
  status: number;
  headers: Record<string, string>;
  body: string;
}

export function toProblem(error: GoblinError): Problem {
  const row = ERRORS[error.code];
  return {
    status: row.status,
    headers: {
      'content-type': 'application/problem+json',
      ...retryHeaders(error.code, error.retryAfterMs),
      ...error.headers,
    },
    body: JSON.stringify({
      type: TYPE + error.code,
      title: row.title,
      status: row.status,
      code: error.code,
      detail: scrub(error.detail),
      ...(error.requestId ? { request_id: error.requestId } : {}),
      ...(error.errors ? { errors: scrubbed(error.errors) } : {}),
    }),
  };
}

/** Paths are written by callers too. */
const scrubbed = (errors: readonly FieldError[]): FieldError[] =>
  errors.map(({ path, message }) => ({ path: scrub(path), message: scrub(message) }));

/** Retryable errors say when, final ones say so. */
export function retryHeaders(code: ErrorCode, retryAfterMs?: number | null): Record<string, string> {
  if (!ERRORS[code].callerRetry) return { 'x-should-retry': 'false' };
  return { 'retry-after': String(Math.max(1, Math.ceil((retryAfterMs ?? 1000) / 1000))) };
}

/** All of an error in one text, for doors whose dialect has no list of faults. */
export function sentence(code: ErrorCode, detail: string, errors?: readonly FieldError[]): string {
  return scrub(
    errors && errors.length > 1
      ? `${ERRORS[code].title}: ${errors.map((e) => `${e.path} ${e.message}`).join('; ')}.`
      : detail,
  );
}

const FASTIFY: Record<string, [ErrorCode, string]> = {
  FST_ERR_CTP_INVALID_MEDIA_TYPE: ['unsupported_media_type', 'Send the body with content-type: application/json.'],
  FST_ERR_CTP_EMPTY_TYPE: ['unsupported_media_type', 'Send the body with content-type: application/json.'],
  FST_ERR_CTP_BODY_TOO_LARGE: [
    'body_too_large',
    'The body is larger than this server takes; send less, or raise body_bytes in goblin.yaml.',
  ],
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: ['invalid_request', 'The body is not as long as its content-length says.'],
  FST_ERR_BAD_URL: ['invalid_request', 'The address has an escape that cannot be read, e.g. a lone %.'],
  FST_ERR_MAX_PARAM_LENGTH: ['not_found', 'There is nothing at this address.'],
};

/** Our own errors as they are; the framework's by name; anything else is ours to log and nobody's to read. */
export function asGoblinError(error: unknown): GoblinError {
  if (error instanceof GoblinError) return error;
  const { code, statusCode } = error as { code?: string; statusCode?: number };
  const known = code ? FASTIFY[code] : undefined;
  if (known) return new GoblinError(known[0], known[1], { cause: error });
  if (statusCode !== undefined && statusCode >= 400 && statusCode < 500) {
    return new GoblinError('invalid_request', 'The request cannot be read as HTTP; check its headers and body.', {
      cause: error,
    });
  }
  return new GoblinError('internal', 'Something went wrong on our side; it has been logged.', { cause: error });
}

export function sendProblem(error: unknown, _request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const problem = toProblem(asGoblinError(error));
  return reply.code(problem.status).headers(problem.headers).send(problem.body);
}

/** One event for each refusal in admission; it is written beside the answer, which must not wait for the record. */
export function noteRefusal(ledger: Pick<Ledger, 'note'>, caller: Caller, error: unknown, where?: string): void {
  const code = error instanceof GoblinError ? error.code : 'internal';
  // Which policy of which version it was, and why.
  const why = error instanceof GoblinError && code === 'policy_denied' ? { reason: error.detail } : {};
  const who = caller.key === null && caller.account !== undefined ? { user: caller.account } : {};
  const about = { code, key: caller.key, ...who, ...(where === undefined ? {} : { where }), ...why };
  ledger.note(caller.tenant, 'request.refused', about).catch(() => {});
}

/** What Cohere says when it fails: `{id, message}` and a status ("Errors", and the statuses of the API reference). */
import type { ErrorCode } from '../../contract/errors.ts';
import type { FailurePart, ProviderFailure } from '../../contract/part.ts';
import { httpFailure, reportedFailure } from '../failures.ts';
import type { Json } from '../json.ts';

/** "You are using a Trial key, which is limited to 1000 API calls / month": waiting does not help. */
const MONTHLY = /\d API calls \/ month/i;
/** The request or the answer holds a deny-listed token. */
const DENIED = 498;

export function cohereFailure(
  status: number,
  headers: Record<string, string>,
  body: string,
  now: number,
): ProviderFailure {
  const failure = httpFailure(status, headers, body, now);
  const code = own(status, failure.detail);
  return code === null ? failure : { ...failure, code };
}

function own(status: number, detail: string): ErrorCode | null {
  if (status === DENIED) return 'content_filter';
  return status === 429 && MONTHLY.test(detail) ? 'upstream_quota' : null;
}

/** An error in a stream or with status 200. An answer's `message` is an object, an error's is a text. */
export function complaintIn(document: Json): FailurePart | null {
  if (typeof document.message === 'string' && !('type' in document)) {
    return reportedFailure({ error: { message: document.message } });
  }
  return reportedFailure(document.type === 'error' && !('error' in document) ? { error: document } : document);
}

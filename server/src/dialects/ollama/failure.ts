/** What Ollama says when it fails: `{error: "…"}`, also as a line of a stream that began with status 200 ("Errors"). */
import type { ErrorCode } from '../../contract/errors.ts';
import type { FailurePart, ProviderFailure } from '../../contract/part.ts';
import { httpFailure, reportedFailure } from '../failures.ts';
import { isObject, type Json, parseJson } from '../json.ts';

/** Words of the server (`server/routes.go`, `server/sched.go`). */
const OWN: readonly [RegExp, ErrorCode][] = [
  [/does not support (thinking|tools|chat|completion|vision|image|insert|generate|embed)/i, 'unsupported_by_target'],
  [/maximum pending requests/i, 'upstream_overloaded'],
];

export function ollamaFailure(
  status: number,
  headers: Record<string, string>,
  body: string,
  now: number,
): ProviderFailure {
  const parsed = parseJson(body);
  const inner = parsed.ok && isObject(parsed.value) ? innerOf(parsed.value) : null;
  return classed(httpFailure(status, headers, inner?.text ?? body, now));
}

/** Null when the line complains about nothing. */
export function complaintIn(line: Json): FailurePart | null {
  const failure = reportedFailure(innerOf(line)?.document ?? line);
  return failure && { type: 'failure', failure: classed(failure.failure) };
}

function classed(failure: ProviderFailure): ProviderFailure {
  for (const [words, code] of OWN) if (words.test(failure.detail)) return { ...failure, code };
  return failure;
}

/** The runner's own error comes as JSON within the text: `{"error": "{\"error\":{\"code\":400,…}}"}`. */
function innerOf(document: Json): { text: string; document: Json } | null {
  const text = document.error;
  if (typeof text !== 'string' || !text.startsWith('{')) return null;
  const inner = parseJson(text);
  return inner.ok && isObject(inner.value) && 'error' in inner.value ? { text, document: inner.value } : null;
}

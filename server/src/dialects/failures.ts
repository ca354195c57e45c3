/** Classes what vendors say when they fail: one set of rules for HTTP errors, errors in a stream, and JSON with 200. */

import type { WireEvent } from '../contract/dialect.ts';
import type { ErrorCode } from '../contract/errors.ts';
import type { FailurePart, ProviderFailure } from '../contract/part.ts';
import { isObject, type Json, objectIn, parseJson } from './json.ts';
import { parseWait, retryAfterMs } from './retry-after.ts';

const LONGEST_DETAIL = 500;

/** The fields that vendors' error objects have in common, wherever they put them. */
interface Complaint {
  /** `type`, `code`, `status` and Anthropic's `details.error_code`, lower case, separated by spaces. */
  words: string;
  /** A numeric code that is an HTTP status (OpenRouter, Gemini). */
  status: number | null;
  message: string;
  /** Google's `RetryInfo`. */
  retryDelay: string | null;
}

interface Rule {
  code: ErrorCode;
  /** Statuses that the rule is for; in a stream (no status) every rule is for it. */
  statuses?: readonly number[];
  words?: RegExp;
  message?: RegExp;
}

/** First match wins; before them stands nothing, after them the status. Sources: the vendors' error pages. */
const RULES: readonly Rule[] = [
  {
    code: 'upstream_quota',
    words: /insufficient_quota|billing|insufficient_balance|exceeded_current_quota|credit_limit|spend_limit|arrearage/,
    message:
      /credit balance is too low|insufficient (credits|balance|funds)|(out of|used all( available)?|no) credits|reached your specified .{0,20}usage limits|doesn't have any credits|suspended.{0,60}spending limit/i,
  },
  {
    code: 'upstream_context_too_long',
    statuses: [400, 413, 422, 500],
    words: /context_length_exceeded|exceed_context_size|context_window_exceeded/,
    message:
      /prompt is too long|maximum context length|context length|context window|exceeds? (the )?context|input is too long|input token count.{0,60}exceeds|reduce the length of the (messages|prompt|input)|too many input tokens|too many tokens: (total|size)|available context size|exceeded model token limit|range of input length|prompt exceeds max length/i,
  },
  {
    code: 'content_filter',
    statuses: [400, 403, 422, 451],
    words:
      /content_filter|content_policy|responsible_?ai|invalid_prompt|data_inspection|moderation_blocked|bio_policy|policy_violation/,
    message:
      /content (management )?policy|content filter|flagged (by|as|for)|input was flagged|violat\w* .{0,30}polic/i,
  },
  {
    code: 'upstream_unauthorized',
    statuses: [400, 401, 403],
    words: /invalid_api_key|authentication_error|invalid_authentication/,
    message: /(incorrect|invalid) api key|api key not valid|api key (is )?(invalid|expired)/i,
  },
  {
    code: 'upstream_unknown_model',
    statuses: [400, 404, 422],
    words: /model_not_found|invalid_model|model_not_exist/,
    message:
      /model\b[^.]{0,80}(does not exist|doesn't exist|not found|not exist)|(invalid|unknown|unsupported|no such) model/i,
  },
  {
    code: 'upstream_overloaded',
    statuses: [429, 500, 502, 503, 529],
    words: /overloaded|slow_down/,
    message: /overloaded/i,
  },
];

/** Types that say enough when there is no status to go by. */
const TYPES: readonly [RegExp, ErrorCode][] = [
  [/rate_limit|too_many_requests|resource_exhausted/, 'upstream_rate_limited'],
  [/permission|forbidden/, 'upstream_forbidden'],
  [/not_found/, 'upstream_unknown_model'],
  [/timeout|deadline_exceeded/, 'upstream_timeout'],
  [/invalid_request|invalid_argument|request_too_large|bad_request|image|data_residency/, 'upstream_rejected'],
];

function byStatus(status: number): ErrorCode | null {
  if (status >= 300 && status < 400) return 'upstream_redirect';
  if (status === 401) return 'upstream_unauthorized';
  if (status === 402) return 'upstream_quota';
  if (status === 403) return 'upstream_forbidden';
  if (status === 404) return 'upstream_unknown_model';
  if (status === 408 || status === 504 || status === 522 || status === 524) return 'upstream_timeout';
  if (status === 425) return 'upstream_unavailable';
  if (status === 429) return 'upstream_rate_limited';
  if (status === 529) return 'upstream_overloaded';
  if (status >= 400 && status < 500) return 'upstream_rejected';
  return status >= 500 ? 'upstream_unavailable' : null;
}

function classify(complaint: Complaint, httpStatus: number | null): ErrorCode {
  const status = httpStatus !== null && httpStatus >= 300 ? httpStatus : complaint.status;
  for (const rule of RULES) {
    if (status !== null && rule.statuses && !rule.statuses.includes(status)) continue;
    if (rule.words?.test(complaint.words) || rule.message?.test(complaint.message)) return rule.code;
  }
  const known = status === null ? null : byStatus(status);
  if (known !== null) return known;
  for (const [type, code] of TYPES) if (type.test(complaint.words)) return code;
  return 'upstream_unavailable';
}

/** An answer with an error status. */
export function httpFailure(
  status: number,
  headers: Record<string, string>,
  body: string,
  now: number,
): ProviderFailure {
  const parsed = parseJson(body);
  const complaint = parsed.ok ? complaintIn(parsed.value, true) : null;
  const message = parsed.ok ? '' : plainText(body);
  const said = complaint ?? { words: '', status: null, message, retryDelay: null };
  const failure: ProviderFailure = {
    code: classify(said, status),
    status,
    detail: detailOf(said, `HTTP ${status}`),
  };
  const wait = retryAfterMs(headers, now, status === 429) ?? waitIn(said, now);
  if (wait !== undefined) failure.retryAfterMs = wait;
  return failure;
}

/** An error in a stream, or a JSON error with status 200. Null when the document complains about nothing. */
export function reportedFailure(document: unknown): FailurePart | null {
  const said = complaintIn(document, false);
  if (said === null) return null;
  const wait = waitIn(said, 0);
  const failure: ProviderFailure = { code: classify(said, null), detail: detailOf(said, 'error in the answer') };
  if (wait !== undefined) failure.retryAfterMs = wait;
  return { type: 'failure', failure };
}

export function failed(code: ErrorCode, detail: string): FailurePart {
  return { type: 'failure', failure: { code, detail: cleanDetail(detail) } };
}

/** `tail`: the input ended inside the event (`SseEvent.tail`), so broken JSON means cut, not garbled. */
export type TailEvent = WireEvent & { tail?: boolean };

/** A complete event whose data is no JSON object. The data itself stays out of our records: it may hold an answer. */
export function notAnEvent(event: TailEvent, data: string, cut: boolean): FailurePart {
  if (event.tail && cut) return failed('upstream_truncated', 'the stream ends inside an event');
  if (event.name === 'error') return failed('upstream_unavailable', 'an error event that is not JSON');
  return failed('upstream_protocol', `an event of ${data.length} characters is not a JSON object`);
}

/** A body that is not a JSON document where one was expected: cut, HTML, or something else. */
export function unreadable(body: string, cut: boolean): FailurePart {
  const text = body.trimStart();
  if (text === '') return failed('upstream_truncated', 'the answer has no body');
  if (cut) return failed('upstream_truncated', `the answer ends inside its JSON after ${body.length} characters`);
  const what = isHtml(body) ? 'an HTML page' : `${body.length} characters that are not JSON`;
  return failed('upstream_protocol', `not an answer but ${what}`);
}

/**
 * Finds an error object: `{error: …}`, Gemini's `[{error: …}]`, `{object: "error"}`, `{type: "error"}`, bare ones.
 * `sure`: the status has said already that this is an error; else events of unknown types are not taken for one.
 */
function complaintIn(document: unknown, sure: boolean): Complaint | null {
  const root = Array.isArray(document) ? document.find(isObject) : document;
  if (!isObject(root)) return null;
  const { error } = root;
  if (typeof error === 'string' && error !== '') return complaint(root, error);
  if (isObject(error)) return complaint(error, null);
  const errors = root.errors;
  if (Array.isArray(errors) && isObject(errors[0])) return complaint(errors[0], null);
  const minimax = objectIn(root, 'base_resp');
  if (minimax) return minimaxComplaint(minimax);
  if ('choices' in root || 'content' in root) return null;
  const named = root.object === 'error' || root.type === 'error';
  // A message that is an object is an answer's (Ollama, Cohere).
  const says = ('message' in root && !isObject(root.message)) || 'detail' in root;
  const bare = says && !('type' in root || 'object' in root || 'id' in root);
  return sure || named || bare ? complaint(root, null) : null;
}

/**
 * MiniMax answers 200 and says in `base_resp` how it went (platform.minimax.io, error codes); 0 means well. Its numbers
 * by the word that others have for them.
 */
const MINIMAX: Readonly<Record<number, string>> = {
  1001: 'timeout',
  1002: 'rate_limit',
  1004: 'invalid_api_key',
  1008: 'insufficient_balance',
  1026: 'content_filter',
  1027: 'content_filter',
  1039: 'rate_limit',
  2013: 'invalid_request',
  2049: 'invalid_api_key',
};

function minimaxComplaint(said: Json): Complaint | null {
  const code = said.status_code;
  if (typeof code !== 'number' || code === 0) return null;
  return { words: MINIMAX[code] ?? '', status: null, message: messageOf(said.status_msg), retryDelay: null };
}

function complaint(error: Json, text: string | null): Complaint {
  const details = objectIn(error, 'details');
  const words = [error.type, error.code, error.status, details?.error_code].filter((word) => typeof word === 'string');
  const code = error.code ?? error.status;
  const status = typeof code === 'number' || typeof code === 'string' ? Number(code) : Number.NaN;
  return {
    words: words.join(' ').toLowerCase(),
    status: Number.isInteger(status) && status >= 400 && status < 600 ? status : null,
    message: messageOf(text ?? error.message ?? error.detail ?? error.msg),
    retryDelay: retryDelayOf(error.details),
  };
}

function messageOf(value: unknown): string {
  if (typeof value === 'string') return plainText(value);
  if (value === undefined || value === null) return '';
  try {
    return JSON.stringify(value).slice(0, 4 * LONGEST_DETAIL);
  } catch {
    // Nested deeper than it can be written.
    return '';
  }
}

function retryDelayOf(details: unknown): string | null {
  if (!Array.isArray(details)) return null;
  for (const detail of details) if (isObject(detail) && typeof detail.retryDelay === 'string') return detail.retryDelay;
  return null;
}

function waitIn(said: Complaint, now: number): number | undefined {
  const text = said.retryDelay ?? /try again in (\d[\d.dhms]*[dhms])/i.exec(said.message)?.[1];
  return text === undefined ? undefined : (parseWait(text, now) ?? undefined);
}

function plainText(body: string): string {
  return isHtml(body) ? 'an HTML page' : body.slice(0, 4 * LONGEST_DETAIL);
}

function isHtml(body: string): boolean {
  return /^\s*<|<(!doctype|html|body)\b/i.test(body.slice(0, 4 * LONGEST_DETAIL));
}

function detailOf(said: Complaint, fallback: string): string {
  const text = [said.words, said.message].filter((word) => word !== '').join(': ');
  return cleanDetail(text === '' ? fallback : text);
}

/** Keys that vendors repeat in their messages ("Incorrect API key provided: sk-…"). */
const KEYS =
  /\b(?:(?:sk|pk|rk|gsk|xai|nvapi|hf|r8|pplx|csk|fw|key|tgp|dapi)[-_][\w*.-]{6,}|AIza[\w*-]{20,}|Bearer\s+\S+)/gi;

function cleanDetail(text: string): string {
  const line = text
    .slice(0, 4 * LONGEST_DETAIL)
    .replace(/\p{Cc}+/gu, ' ')
    .replace(KEYS, '[key]')
    .toWellFormed()
    .trim();
  return line.length > LONGEST_DETAIL ? `${line.slice(0, LONGEST_DETAIL - 1).toWellFormed()}…` : line;
}

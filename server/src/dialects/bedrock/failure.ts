/**
 * What Bedrock says when it fails: an exception's name (header `x-amzn-errortype`, `__type`, or the kind of a message in
 * a stream) and a message. Sources: the Converse and ConverseStream API reference, "Troubleshooting Amazon Bedrock API
 * error codes", "Common errors", and messages seen in public issue threads.
 */
import type { ErrorCode } from '../../contract/errors.ts';
import type { FailurePart, ProviderFailure } from '../../contract/part.ts';
import { httpFailure, reportedFailure } from '../failures.ts';
import { isObject, type Json, objectIn, parseJson, stringIn } from '../json.ts';

/** By name, in lower case, without `Exception` at its end. */
const CODES: Readonly<Record<string, ErrorCode>> = {
  throttling: 'upstream_rate_limited',
  toomanyrequests: 'upstream_rate_limited',
  // "You can resubmit your request later."
  servicequotaexceeded: 'upstream_rate_limited',
  // A 429 that says nothing about our rate: the model is being loaded.
  modelnotready: 'upstream_overloaded',
  modeltimeout: 'upstream_timeout',
  // These two come as 424.
  modelerror: 'upstream_unavailable',
  modelstreamerror: 'upstream_unavailable',
  internalserver: 'upstream_unavailable',
  internalfailure: 'upstream_unavailable',
  serviceunavailable: 'upstream_unavailable',
  validation: 'upstream_rejected',
  conflict: 'upstream_rejected',
  unknownoperation: 'upstream_rejected',
  resourcenotfound: 'upstream_unknown_model',
  accessdenied: 'upstream_forbidden',
  notauthorized: 'upstream_forbidden',
  optinrequired: 'upstream_forbidden',
  unrecognizedclient: 'upstream_unauthorized',
  invalidclienttokenid: 'upstream_unauthorized',
  expiredtoken: 'upstream_unauthorized',
  requestexpired: 'upstream_unauthorized',
  invalidsignature: 'upstream_unauthorized',
  signaturedoesnotmatch: 'upstream_unauthorized',
  incompletesignature: 'upstream_unauthorized',
  missingauthenticationtoken: 'upstream_unauthorized',
};

/** Messages that say more than the name; the first match wins. */
const MESSAGES: readonly [RegExp, ErrorCode][] = [
  [/security token|api key is valid|bearer token|signature (we calculated|expired|not yet)/i, 'upstream_unauthorized'],
  [/payment instrument/i, 'upstream_quota'],
  [/input tokens exceed|too many total text bytes/i, 'upstream_context_too_long'],
  [/use case details have not been submitted/i, 'upstream_forbidden'],
  [
    /model identifier is invalid|on-demand throughput isn.t supported|end of its life|marked by provider as legacy/i,
    'upstream_unknown_model',
  ],
];

/** What the common rules read from a message is kept where it is finer than a name. */
const FINER: ReadonlySet<ErrorCode> = new Set([
  'upstream_context_too_long',
  'content_filter',
  'upstream_unknown_model',
  'upstream_quota',
  'upstream_unauthorized',
  'upstream_overloaded',
]);

/** An answer with an error status. */
export function bedrockFailure(
  status: number,
  headers: Record<string, string>,
  body: string,
  now: number,
): ProviderFailure {
  const parsed = parseJson(body);
  const document = parsed.ok && isObject(parsed.value) ? parsed.value : null;
  const name = shortName(headers['x-amzn-errortype'] ?? '') || nameIn(document);
  if (document === null && name === '') return httpFailure(status, headers, body, now);
  const message = messageIn(document);
  const failure = httpFailure(status, headers, JSON.stringify({ error: { type: name, message } }), now);
  return { ...failure, code: codeOf(name, message, failure.code) };
}

/** An exception inside a stream, or a JSON error with status 200. */
export function bedrockException(name: string, document: unknown): FailurePart {
  const short = shortName(name) || nameIn(document);
  // A model stream error has the words of the model's own server beside the general ones.
  const original = isObject(document) ? stringIn(document, 'originalMessage') : null;
  const message = [messageIn(document), original].filter(Boolean).join(' ');
  const said = reportedFailure({ error: { type: short, message: message || 'no message' } });
  const failure: ProviderFailure = said?.failure ?? { code: 'upstream_unavailable', detail: short };
  return { type: 'failure', failure: { ...failure, code: codeOf(short, message, failure.code) } };
}

/** Null when the document is no error: `{message}`, `{__type}`, or `{"Output": {"__type"}}` with status 200. */
export function bedrockError(document: Json): FailurePart | null {
  if ('output' in document) return null;
  const name = nameIn(document);
  return name !== '' || messageIn(document) !== '' ? bedrockException(name, document) : null;
}

function codeOf(name: string, message: string, common: ErrorCode): ErrorCode {
  for (const [words, code] of MESSAGES) if (words.test(message)) return code;
  if (FINER.has(common)) return common;
  const key = name.toLowerCase().replace(/exception$/, '');
  return Object.hasOwn(CODES, key) ? (CODES[key] ?? common) : common;
}

function nameIn(document: unknown): string {
  if (!isObject(document)) return '';
  const inner = objectIn(document, 'Output') ?? document;
  return shortName(stringIn(inner, '__type') ?? stringIn(inner, 'code') ?? '');
}

function messageIn(document: unknown): string {
  return isObject(document) ? (stringIn(document, 'message') ?? stringIn(document, 'Message') ?? '') : '';
}

/** `com.amazon.coral.validate#ValidationException`, `ValidationException:http://internal.amazon.com/…` */
function shortName(name: string): string {
  return name
    .replace(/^exception:/, '')
    .replace(/^.*#/, '')
    .replace(/:.*$/, '')
    .trim();
}

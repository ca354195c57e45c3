/** Why an answer ended, in Google's words (`Candidate.FinishReason`). */
import type { FailurePart, FinishReason } from '../../contract/part.ts';
import { failed } from '../failures.ts';

const REASONS: Readonly<Record<string, FinishReason>> = {
  STOP: 'stop',
  MAX_TOKENS: 'length',
  // The cap of one request was reached before `maxOutputTokens`; going on would take a token of theirs.
  CONTINUATION: 'length',
  SAFETY: 'content_filter',
  RECITATION: 'content_filter',
  LANGUAGE: 'content_filter',
  BLOCKLIST: 'content_filter',
  PROHIBITED_CONTENT: 'content_filter',
  SPII: 'content_filter',
  MODEL_ARMOR: 'content_filter',
  IMAGE_SAFETY: 'content_filter',
  IMAGE_PROHIBITED_CONTENT: 'content_filter',
  IMAGE_RECITATION: 'content_filter',
};

/** The model wrote something that is no answer; another try may well give one. */
const GARBLED = new Set(['MALFORMED_FUNCTION_CALL', 'MALFORMED_RESPONSE', 'UNEXPECTED_TOOL_CALL']);

/** Null while the answer goes on. */
export function reasonIn(value: unknown): string | null {
  return typeof value === 'string' && value !== '' ? value : null;
}

/**
 * `STOP` also ends an answer of tool calls. Every other word of theirs, `OTHER` and those to come too, means that the
 * answer broke off: it is never taken for a success.
 */
export function endOf(word: string, calls: number): FinishReason | FailurePart {
  const reason = Object.hasOwn(REASONS, word) ? REASONS[word] : undefined;
  if (reason !== undefined) return reason === 'stop' && calls > 0 ? 'tool_calls' : reason;
  if (GARBLED.has(word)) return failed('upstream_protocol', `the model's answer was invalid (${word})`);
  if (word === 'MISSING_THOUGHT_SIGNATURE') return failed('unsupported_by_target', word);
  return failed('upstream_unavailable', `the answer broke off (${word})`);
}

/** Why a prompt was not answered at all (`PromptFeedback.BlockReason`); null when it was. */
export function blockIn(value: unknown): string | null {
  const reason = reasonIn(value);
  return reason === null || reason.endsWith('_UNSPECIFIED') ? null : reason;
}

/** Which calls ask for the same: the key of the response cache. */
import { hash } from 'node:crypto';
import type { AnswerCall, DialectName, Message } from '../contract/call.ts';
import { canonical } from '../contract/canonical.ts';

/** Fields of a caller's own body that say who asks and how he wants to be told, not what is asked; `model` is as planned. */
const NOT_ASKED: ReadonlySet<string> = new Set([
  'model',
  'user',
  'metadata',
  'stream',
  'stream_options',
  // OpenAI's successors of `user`.
  'safety_identifier',
  'prompt_cache_key',
]);

/**
 * Fields that a call carries in our own words, so that nothing of an answer to them is lost when it is told again in
 * another way (streamed, or whole). Of all others nobody knows what they add to an answer.
 */
const PLAIN: Partial<Record<DialectName, ReadonlySet<string>>> = {
  openai: words(`messages max_tokens max_completion_tokens temperature top_p stop seed tools tool_choice
    parallel_tool_calls response_format reasoning_effort n frequency_penalty presence_penalty service_tier store`),
  anthropic: words(`messages system max_tokens temperature top_p top_k tools tool_choice thinking output_config
    output_format service_tier`),
};

function words(text: string): ReadonlySet<string> {
  return new Set(text.split(/\s+/));
}

export interface CallScope {
  tenant: string;
  /** What an answer passed: versions of policies, rules of the scanner. */
  passed: unknown;
  provider: string;
  /** As planned. */
  model: string;
  /** Whether the vendor is asked for a stream. */
  stream: boolean;
  /** The caller's own headers that the vendor gets. */
  headers: Readonly<Record<string, string>>;
}

/** 44 characters; null: an answer to this call is never one to another. */
export function callKey(call: AnswerCall, scope: CallScope): string | null {
  const { native, model: _model, ...asked } = call;
  if (call.kind !== 'answer' || (native && doesMore(native))) return null;
  const { tenant, passed, provider, model, headers } = scope;
  const way = isPlain(call) ? null : scope.stream;
  const body = native === undefined ? null : [native.dialect, withoutAsker(native.body)];
  return hash('sha256', canonical([passed, tenant, provider, model, headers, way, asked, body]), 'base64');
}

const withoutAsker = (body: Record<string, unknown>): Record<string, unknown> =>
  Object.fromEntries(Object.entries(body).filter(([name]) => !NOT_ASKED.has(name)));

/** Whether the vendor keeps something for the caller beside the answer: a cached one would leave it undone. */
const doesMore = ({ dialect, body }: NonNullable<AnswerCall['native']>): boolean =>
  dialect === 'openai' ? body.store === true : dialect === 'anthropic' && (body.container ?? null) !== null;

/** Whether an answer holds nothing but what our own words can say. */
export function isPlain({ native, messages }: AnswerCall): boolean {
  if (native === undefined) return true;
  const plain = PLAIN[native.dialect];
  if (plain === undefined || native.only !== undefined) return false;
  return Object.keys(native.body).every((name) => plain.has(name) || NOT_ASKED.has(name)) && !messages.some(hasForeign);
}

/** Documents, for example: answers cite them. */
const hasForeign = ({ content }: Message): boolean => content.some(({ type }) => type === 'foreign');

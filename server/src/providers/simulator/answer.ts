/** What the simulator says: words, tool calls and JSON made from the request, the same for the same request. */
import type { Ask, OfferedTool } from './ask.ts';
import { quote, tokensOf, wordSource } from './prompt.ts';
import { sample } from './schema.ts';

export interface WireUsage {
  prompt_tokens: number;
  completion_tokens: number;
  total_tokens: number;
  prompt_tokens_details: { cached_tokens: number; audio_tokens: number };
  completion_tokens_details: {
    reasoning_tokens: number;
    audio_tokens: number;
    accepted_prediction_tokens: number;
    rejected_prediction_tokens: number;
  };
}

interface ToolCall {
  id: string;
  name: string;
  /** The arguments' JSON text in the pieces in which it is streamed. */
  fragments: string[];
}

export interface Answer {
  id: string;
  created: number;
  model: string;
  /** One entry is one token. */
  reasoning: string[];
  content: string[];
  calls: ToolCall[];
  finish: string;
  /** What the wire reports, which a fault may have twisted; undefined for nothing at all. */
  usage: unknown;
  usagePlace: 'own-chunk' | 'own-chunk-without-choices' | 'every-chunk' | 'finish-chunk';
  asWhole: boolean;
}

const ANNOUNCEMENT = 'This is the Goblin simulator, not a model: no provider is configured.';
const DEFAULT_TOKENS = 30;
const DEFAULT_REASONING = 8;

export function makeAnswer(ask: Ask, announce: boolean): Answer {
  const { prompt, orders } = ask;
  const words = wordSource(prompt.digest);
  const reasoning: string[] = [];
  const thoughts = orders.reasoning ?? (ask.reasoning ? DEFAULT_REASONING : 0);
  for (let i = 0; i < thoughts; i++) reasoning.push(i === 0 ? words().trimStart() : words());

  const called = calledTools(ask);
  let content: string[] = [];
  let calls: ToolCall[] = [];
  if (called.length > 0) {
    calls = called.map((tool, i) => ({
      id: `call_${prompt.digest.slice(2 * i, 2 * i + 24)}`,
      name: tool.name,
      fragments: fragmentsOf(JSON.stringify(sample(tool.parameters ?? { type: 'object' }, words))),
    }));
  } else if (ask.format === 'text') {
    content = textTokens(ask, announce, words);
  } else {
    const value =
      ask.format === 'json'
        ? { ...(announce ? { note: ANNOUNCEMENT } : {}), you_wrote: quote(prompt.lastUser), answer: words().trim() }
        : sample(ask.format.schema, words);
    content = fragmentsOf(JSON.stringify(value));
  }
  const answer: Answer = {
    id: `chatcmpl-${prompt.digest.slice(0, 29)}`,
    // Derived, not the time: the same request gets the same bytes.
    created: 1_750_000_000 + (Number.parseInt(prompt.digest.slice(0, 6), 16) % 10_000_000),
    model: ask.model,
    reasoning,
    content,
    calls,
    finish: calls.length > 0 ? 'tool_calls' : 'stop',
    usage: undefined,
    usagePlace: 'own-chunk',
    asWhole: false,
  };
  applyStop(answer, ask.stop);
  applyLimit(answer, ask.maxTokens);
  answer.usage = usageOf(answer, ask);
  return answer;
}

function calledTools(ask: Ask): readonly OfferedTool[] {
  const { tools, toolChoice, prompt } = ask;
  if (tools.length === 0 || toolChoice === 'none') return [];
  if (toolChoice === 'required') return tools.slice(0, 1);
  if (toolChoice !== 'auto') return tools.filter((tool) => tool.name === toolChoice.name).slice(0, 1);
  // After a result the same words would call for ever.
  if (prompt.toolResult !== null) return [];
  const named = tools.filter((tool) => new RegExp(`\\bcall ${tool.name}(?![\\w-])`).test(prompt.lastUser));
  return ask.parallel ? named : named.slice(0, 1);
}

function textTokens(ask: Ask, announce: boolean, words: () => string): string[] {
  const { prompt } = ask;
  const wished = ask.orders.tokens ?? DEFAULT_TOKENS;
  const said: string[] = [];
  if (announce) said.push(ANNOUNCEMENT);
  if (prompt.images > 0) said.push(`I received ${prompt.images} ${prompt.images === 1 ? 'image' : 'images'}.`);
  // The announcement is never shortened: nobody shall take the simulator for a model.
  const least = tokensOf(said.join(' ')).length;
  if (prompt.toolResult !== null) said.push(`The tool answered: "${quote(prompt.toolResult)}".`);
  if (prompt.lastUser !== '') said.push(`You wrote: "${quote(prompt.lastUser)}".`);
  const tokens = tokensOf(said.join(' '));
  while (tokens.length < wished) tokens.push(tokens.length === 0 ? words().trimStart() : words());
  tokens.length = Math.max(wished, least);
  if (prompt.prefix === '') return tokens;
  const text = tokens.join('');
  // Going on from an answer of our own gives what was missing from it; another's is answered with the words alone.
  return text.startsWith(prompt.prefix) ? tokensOf(text.slice(prompt.prefix.length)) : tokens;
}

/** JSON text in pieces of a few characters, as models stream it; never inside a surrogate pair. */
function fragmentsOf(json: string): string[] {
  return json.match(/[\s\S]{1,5}/gu) ?? [];
}

function applyStop(answer: Answer, stop: readonly string[]): void {
  if (stop.length === 0 || answer.content.length === 0) return;
  const text = answer.content.join('');
  const cuts = stop.map((word) => text.indexOf(word)).filter((at) => at >= 0);
  if (cuts.length === 0) return;
  let left = Math.min(...cuts);
  const kept: string[] = [];
  for (const token of answer.content) {
    if (left <= 0) break;
    kept.push(token.slice(0, left));
    left -= token.length;
  }
  answer.content = kept;
}

function applyLimit(answer: Answer, limit: number): void {
  let left = limit;
  const cut = (tokens: string[]): string[] => {
    const kept = tokens.length <= left ? tokens : tokens.slice(0, left);
    if (kept.length < tokens.length) answer.finish = 'length';
    left -= kept.length;
    return kept;
  };
  if (countTokens(answer) <= limit) return;
  answer.reasoning = cut(answer.reasoning);
  answer.content = cut(answer.content);
  const calls: ToolCall[] = [];
  for (const call of answer.calls) {
    if (left > 0) calls.push({ ...call, fragments: cut(call.fragments) });
    else answer.finish = 'length';
  }
  answer.calls = calls;
}

/** All that the client pays for as output. */
export function countTokens(answer: Pick<Answer, 'reasoning' | 'content' | 'calls'>): number {
  return answer.calls.reduce(
    (sum, call) => sum + call.fragments.length,
    answer.reasoning.length + answer.content.length,
  );
}

export function usageOf(answer: Answer, ask: Ask): WireUsage {
  const prompt = Math.max(1, Math.ceil(ask.prompt.textBytes / 4));
  const completion = countTokens(answer);
  // As OpenAI caches: from 1,024 tokens on, in steps of 128. Half of a long prompt counts as seen before.
  const cached = ask.orders.cached ?? (prompt >= 1_024 ? Math.floor(prompt / 256) * 128 : 0);
  return {
    prompt_tokens: prompt,
    completion_tokens: completion,
    total_tokens: prompt + completion,
    prompt_tokens_details: { cached_tokens: Math.min(cached, prompt), audio_tokens: 0 },
    completion_tokens_details: {
      reasoning_tokens: answer.reasoning.length,
      audio_tokens: 0,
      accepted_prediction_tokens: 0,
      rejected_prediction_tokens: 0,
    },
  };
}

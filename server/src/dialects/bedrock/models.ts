/**
 * What the models behind Bedrock take and refuse. Converse has one shape for all of them, but a field that a model does
 * not know is a 400, so it must be known before the call. Sources: Bedrock guide ("Supported models and features for
 * Converse", "Structured outputs", "Prompt caching", "Extended thinking", "Adaptive thinking"), Nova guides, and
 * Amazon's own LangChain package (langchain-aws 1.9), which is tested against the service.
 */
import type { Traits as ClaudeTraits } from '../anthropic/models.ts';
import { traitsOf as claudeTraits } from '../anthropic/models.ts';

export interface Traits {
  /** Set for Claude: what its generation takes (see anthropic/models.ts). */
  claude: ClaudeTraits | null;
  /** Which ways to force a tool call are taken. */
  forces: 'tool' | 'any' | 'none';
  /** How reasoning is asked for. */
  effort: 'claude' | 'nova' | 'reasoning_effort' | 'reasoning' | 'none';
  /** Which reasoning of earlier turns is taken back: what Claude signed, what OpenAI encrypted, plain text, or none. */
  reasoning: 'signed' | 'encrypted' | 'plain' | 'none';
  /** `temperature` and `topP` are taken. */
  sampling: boolean;
  stops: boolean;
  /** `outputConfig.textFormat` is taken. */
  schema: boolean;
  /** `cachePoint` blocks are taken. */
  cache: boolean;
  /** Tool results may hold images; elsewhere these stand beside the result. */
  resultImages: boolean;
  /** `toolResult.status` is taken. */
  resultStatus: boolean;
  /** `system` is taken. */
  system: boolean;
  /** Ids of tool calls must be nine letters and digits. */
  shortIds: boolean;
  /** The conversation may end with an assistant message. */
  prefill: boolean;
  /** And it is known that the model goes on from it. */
  goesOn: boolean;
}

/** A model that we cannot place, application inference profiles among them: their ARN names no model. */
const OTHER: Traits = {
  claude: null,
  forces: 'tool',
  effort: 'none',
  reasoning: 'none',
  sampling: true,
  stops: true,
  schema: false,
  cache: false,
  resultImages: false,
  resultStatus: false,
  system: true,
  shortIds: false,
  prefill: false,
  goesOn: false,
};

/** First match wins; ids are in lower case, with or without a region's prefix, or the end of an ARN. */
const FAMILIES: readonly [RegExp, Partial<Traits>][] = [
  [/amazon\.nova-2/, { ...nova(), effort: 'nova', reasoning: 'plain' }],
  [/amazon\.nova/, nova()],
  [/openai\.gpt-oss/, { effort: 'reasoning_effort', stops: false, schema: true }],
  [/openai\./, { effort: 'reasoning', reasoning: 'encrypted', sampling: false, stops: false, schema: true }],
  [/mistral\.(mistral-7b|mixtral)/, { forces: 'none', system: false, shortIds: true }],
  [/mistral\.(mistral-large-3|ministral-3|voxtral)/, { forces: 'any', schema: true, shortIds: true }],
  [/mistral\./, { forces: 'any', shortIds: true }],
  [/meta\./, { forces: 'none', resultImages: true }],
  [/deepseek\.r1/, { forces: 'none' }],
  [/deepseek\./, { forces: 'any', reasoning: 'plain', schema: true }],
  [/moonshot(ai)?\./, { effort: 'reasoning_effort', reasoning: 'plain', schema: true }],
  [/minimax\./, { reasoning: 'plain', schema: true }],
  [/zai\.glm/, { forces: 'any', effort: 'reasoning_effort', schema: true }],
  [/(qwen|nvidia)\./, { schema: true }],
  [/(cohere|ai21|writer)\./, { forces: 'none' }],
  [/amazon\.titan-text/, { forces: 'none', system: false }],
];

export function traitsOf(model: string): Traits {
  const id = model.toLowerCase();
  if (/anthropic|claude/.test(id)) return ofClaude(id);
  const family = FAMILIES.find(([name]) => name.test(id));
  return { ...OTHER, ...family?.[1] };
}

function nova(): Partial<Traits> {
  return { cache: true, resultImages: true, resultStatus: true };
}

/**
 * Bedrock checks requests against its own copy of Anthropic's schema: `strict` and formats work for the generations
 * that its guide lists (4.5, 4.6) and are refused by later ones in some accounts and regions.
 */
function ofClaude(id: string): Traits {
  const claude = claudeTraits(id);
  const schema = /(opus|sonnet)-4-[56]|haiku-4-5|mythos/.test(id);
  return {
    ...OTHER,
    claude: { ...claude, schema },
    forces: claude.forcedTool ? 'tool' : 'none',
    effort: 'claude',
    reasoning: claude.thinking === 'none' ? 'none' : 'signed',
    sampling: claude.sampling,
    schema,
    // From 3.5 Haiku and 3.7 Sonnet on.
    cache: claude.thinking !== 'none' || id.includes('3-5-haiku'),
    resultImages: true,
    resultStatus: true,
    prefill: claude.prefill,
    goesOn: claude.goesOn,
  };
}

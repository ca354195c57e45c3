/** Quirks that several rows share, or that are too long for a row. Each with the page that says so. */
import type { Quirks } from '../contract/quirks.ts';

const SAMPLING = ['temperature', 'top_p'] as const;
const PENALTIES = ['presence_penalty', 'frequency_penalty'] as const;
const LOGPROBS = ['logprobs', 'top_logprobs', 'logit_bias'] as const;

/**
 * OpenAI, and Azure with a deployment that has its model's name. Reasoning models refuse sampling and penalties
 * (platform.openai.com/docs/guides/reasoning); from gpt-5.1 on sampling is taken while they do not reason. The others
 * refuse `reasoning_effort`. Unknown fields of messages are refused everywhere.
 */
export const OPENAI: Quirks = {
  maxTokensField: 'max_completion_tokens',
  developerRole: true,
  replay: { as: 'none' },
  embeddings: { base64: true },
  forModels: [
    { models: /^(gpt-4|gpt-3\.5|chatgpt-4o|ft:gpt-)/, quirks: { effort: { words: [] } } },
    { models: /^(o\d|gpt-(5|6|7))(?!.*-chat)/, quirks: { refuses: [...PENALTIES, ...LOGPROBS] } },
    {
      models: /^(o\d|gpt-5|gpt-[67][\d.]*)(-(?!chat)|$)/,
      quirks: { refuses: [...SAMPLING, ...PENALTIES, ...LOGPROBS] },
    },
    { models: /^o\d/, quirks: { effort: { words: ['low', 'medium', 'high'] } } },
    // "Not supported with latest reasoning models o3 and o4-mini" (the API reference, `stop`).
    {
      models: /^(o3|o4-mini)(-|$)/,
      quirks: { refuses: [...SAMPLING, ...PENALTIES, ...LOGPROBS, 'stop'] },
    },
  ],
};

/**
 * Mistral forbids fields that it does not know (422 `extra_forbidden`), in messages too. Its usage comes in the last
 * chunk unasked. An answer that goes on from a prefix begins with it again, which is taken out at the join.
 */
export const MISTRAL: Quirks = {
  noStreamOptions: true,
  refuses: [
    ...['user', 'logit_bias', 'logprobs', 'top_logprobs', 'service_tier', 'store', 'verbosity', 'modalities', 'audio'],
    ...['safety_identifier', 'prompt_cache_retention', 'web_search_options'],
    // What clients send back with an assistant's message.
    ...['refusal', 'annotations', 'function_call'],
  ],
  renames: { seed: 'random_seed' },
  prefix: { mark: 'prefix', repeats: true },
  replay: { as: 'chunks' },
  effort: { words: [] },
  embeddings: { dimensions: 'output_dimension', textOnly: true },
  // Models whose reasoning can be set know these two words (docs.mistral.ai/capabilities/reasoning).
  forModels: [{ models: /^mistral-(small|medium)/, quirks: { effort: { words: ['none', 'high'] } } }],
};

/**
 * api-docs.deepseek.com: prefixes at `/beta`, where thinking is off so that it goes on in the text;
 * "The `reasoning_content` in the thinking mode must be passed back to the API" (V4), while the older names take it
 * only inside a loop of tool calls. JSON is promised without a schema.
 */
export const DEEPSEEK: Quirks = {
  prefix: {
    mark: 'prefix',
    path: '/beta/chat/completions',
    instead: '/v1',
    body: { thinking: { type: 'disabled' } },
    drops: ['reasoning_effort'],
  },
  effort: {
    words: ['low', 'high', 'max'],
    switch: { field: 'thinking', off: { type: 'disabled' } },
  },
  replay: { as: 'reasoning_content', required: true },
  noSchema: true,
  forModels: [
    { models: /^deepseek-(chat|reasoner)$/, quirks: { replay: { as: 'reasoning_content', sinceUser: true } } },
  ],
};

const THINKING = { field: 'thinking', on: { type: 'enabled' }, off: { type: 'disabled' } } as const;

/**
 * platform.kimi.ai/docs/api/partial: "Do not mix Partial Mode with response_format=json_object". Kimi's sampling is
 * fixed by the model; K3 has words for its effort, K2.5 and K2.6 a switch, K2.7 neither.
 */
export const MOONSHOT: Quirks = {
  maxTokensField: 'max_completion_tokens',
  prefix: { mark: 'partial' },
  effort: { words: [] },
  noSchema: true,
  forModels: [
    { models: /^kimi-/, quirks: { refuses: [...SAMPLING, ...PENALTIES], noSchema: false } },
    {
      models: /^kimi-k2\.[56]/,
      quirks: {
        prefix: { mark: 'partial', body: { thinking: { type: 'disabled' } } },
        effort: { words: [], switch: THINKING },
      },
    },
    // These always think first, and nothing says what they make of a prefix.
    { models: /^kimi-(k2\.7|k3|.*thinking)/, quirks: { prefix: null } },
    { models: /^kimi-k3/, quirks: { effort: { words: ['low', 'high', 'max'] } } },
  ],
};

/**
 * help.aliyun.com/en/model-studio/partial-mode: text models, not while thinking. The schema is kept by the newest
 * models only (…/qwen-structured-output); the others know `json_object`.
 */
export const DASHSCOPE: Quirks = {
  prefix: null,
  effort: { words: [], switch: { field: 'enable_thinking', on: true, off: false } },
  noSchema: true,
  // …/text-embedding-synchronous-api: 10 texts in a call.
  embeddings: { textOnly: true, most: 10 },
  forModels: [
    { models: /^qwen3\.[78]-(plus|flash|max)/, quirks: { noSchema: false } },
    {
      models: /^qwen(-|\d)(?!.*(thinking|vl|omni|audio|math|mt|asr|tts|embedding))/,
      quirks: { prefix: { mark: 'partial', body: { enable_thinking: false } } },
    },
    { models: /^qwen.*coder/, quirks: { prefix: { mark: 'partial' } } },
  ],
};

/** docs.z.ai and docs.bigmodel.cn: `thinking: {type}`, JSON without a schema. */
export const GLM: Quirks = {
  effort: { words: [], switch: THINKING },
  noSchema: true,
  embeddings: { textOnly: true },
};

/**
 * platform.minimax.io: reasoning stands in the text between tags and must come back there; `thinking: {type}` is
 * `adaptive` or `disabled`, which M2 ignores; `max_tokens` is deprecated.
 */
export const MINIMAX: Quirks = {
  maxTokensField: 'max_completion_tokens',
  thinkTags: true,
  replay: { as: 'tags' },
  effort: { words: [], switch: { field: 'thinking', on: { type: 'adaptive' }, off: { type: 'disabled' } } },
};

/** platform.xiaomimimo.com: `thinking: {type}`. */
export const MIMO: Quirks = { effort: { words: [], switch: THINKING } };

/**
 * docs.x.ai: "reasoning token consumption will be counted separately from completion_tokens"; reasoning models refuse
 * penalties and `stop`; only grok-3-mini and models from 4.20 on have words for the effort.
 */
export const XAI: Quirks = {
  reasoningBesideOutput: true,
  forModels: [
    { models: /^grok-(3-mini|4|code)/, quirks: { refuses: [...PENALTIES, 'stop'] } },
    { models: /^grok-3-mini/, quirks: { effort: { words: ['low', 'high'] } } },
    { models: /^grok-(4(-|$)|code|3(-fast|$))/, quirks: { effort: { words: [] } } },
  ],
};

/**
 * docs.perplexity.ai: "After the (optional) system message(s), user or tool message(s) should alternate with
 * assistant message(s)", and the last one is the user's. Reasoning models think in the text; `reasoning_tokens` of
 * deep research are far more than `completion_tokens`, and the total leaves them out.
 */
export const PERPLEXITY: Quirks = {
  alternates: true,
  thinkTags: true,
  reasoningBesideOutput: 'uncounted',
  replay: { as: 'none' },
  effort: { words: [] },
  forModels: [
    { models: /deep-research|reasoning/, quirks: { effort: { words: ['minimal', 'low', 'medium', 'high'] } } },
  ],
};

/**
 * console.groq.com/docs: unsupported fields "will result in a 400 error if they are supplied"; models continue an
 * assistant message that ends the conversation (…/prefilling), which those with a channel for reasoning cannot;
 * `reasoning_effort` by family (…/reasoning); schemas with some models only (…/structured-outputs).
 */
export const GROQ: Quirks = {
  refuses: LOGPROBS,
  replay: { as: 'reasoning' },
  prefix: null,
  effort: { words: [] },
  forModels: [
    { models: /gpt-oss/, quirks: { effort: { words: ['low', 'medium', 'high'] } } },
    { models: /qwen3/, quirks: { effort: { words: ['none', 'default'] } } },
    { models: /qwen3\.8/, quirks: { effort: { words: ['none', 'low', 'medium', 'high'] } } },
    { models: /llama|kimi-k2-instruct|gemma/, quirks: { prefix: {} } },
    { models: /llama-3|gemma|compound|qwen3-32b/, quirks: { noSchema: true } },
  ],
};

/** inference-docs.cerebras.ai: "will result in a 400 error if they are supplied"; reasoning comes back as `reasoning`. */
export const CEREBRAS: Quirks = {
  refuses: [...PENALTIES, 'logit_bias', 'parallel_tool_calls', 'service_tier'],
  replay: { as: 'reasoning' },
};

/** openrouter.ai/docs: takes signed reasoning of any maker back as `reasoning_details`. */
export const OPENROUTER: Quirks = { developerRole: true, replay: { as: 'reasoning_content', details: true } };

/** docs.vllm.ai: "the model will continue this message rather than starting a new one". */
export const VLLM: Quirks = {
  prefix: {
    body: {
      continue_final_message: true,
      add_generation_prompt: false,
      // A parser of reasoning would take what follows for thoughts.
      chat_template_kwargs: { enable_thinking: false },
    },
  },
};

/** docs.sglang.ai, `ChatCompletionRequest`. */
export const SGLANG: Quirks = {
  prefix: { body: { continue_final_message: true, chat_template_kwargs: { enable_thinking: false } } },
};

/** llama.cpp continues a last assistant message unless thinking is on ("prefill is incompatible with enable_thinking"). */
export const LLAMA_CPP: Quirks = { prefix: { body: { chat_template_kwargs: { enable_thinking: false } } } };

/**
 * Vendors that one row of data switches on: an OpenAI-compatible chat endpoint (or Anthropic's) and a plain key.
 *
 * Left out on purpose: services that were shut down (GitHub Models on 30 July 2026, Meta's Llama API on 6 July 2026),
 * resellers nobody here can vouch for, and everything that wants an account, region or resource in its address.
 */
import type { Vendor } from '../contract/provider.ts';

/** `OPENAI_API_KEY` → `OPENAI`: what stands before `_BASE_URL`, and after `MCP_`. */
function prefixOf(keyVariable: string): string {
  return keyVariable.replace(/_(API_KEY|SECRET_KEY|KEY|TOKEN)$/, '');
}

function compatible(
  name: string,
  title: string,
  baseUrl: string,
  keyVariables: readonly [string, ...string[]],
  more: Partial<Vendor> = {},
): Vendor {
  return {
    name,
    title,
    dialect: 'openai',
    baseUrl,
    auth: 'bearer',
    keyVariables,
    variablePrefix: prefixOf(keyVariables[0]),
    ...more,
  };
}

/**
 * Mistral forbids fields that it does not know (422 `extra_forbidden`), `stream_options.include_usage` among them.
 * Its usage comes in the last chunk unasked.
 */
const MISTRAL_QUIRKS = {
  noStreamOptions: true,
  refuses: ['seed', 'user', 'logit_bias', 'logprobs', 'top_logprobs', 'service_tier', 'store'],
} as const;

/** Those who make models: a bare name goes to its maker first. */
const MAKERS: readonly Vendor[] = [
  compatible('openai', 'OpenAI', 'https://api.openai.com/v1', ['OPENAI_API_KEY'], {
    quirks: { maxTokensField: 'max_completion_tokens' },
    makes: ['gpt-', 'o1', 'o3', 'o4', 'chatgpt-'],
  }),
  compatible('anthropic', 'Anthropic', 'https://api.anthropic.com/v1', ['ANTHROPIC_API_KEY'], {
    dialect: 'anthropic',
    auth: 'x-api-key',
    headers: { 'anthropic-version': '2023-06-01' },
    makes: ['claude-'],
  }),
  compatible('gemini', 'Google Gemini', 'https://generativelanguage.googleapis.com/v1beta/openai', ['GEMINI_API_KEY'], {
    // `total_tokens` holds thoughts that `completion_tokens` leaves out, and no detail names them.
    quirks: { reasoningBesideOutput: true },
    priceId: 'google',
    modelsId: 'google',
    makes: ['gemini-', 'gemma-'],
  }),
  compatible('cohere', 'Cohere', 'https://api.cohere.ai/compatibility/v1', ['COHERE_API_KEY'], { makes: ['command'] }),
  compatible('mistral', 'Mistral AI', 'https://api.mistral.ai/v1', ['MISTRAL_API_KEY'], {
    quirks: MISTRAL_QUIRKS,
    makes: ['mistral-', 'codestral', 'ministral', 'pixtral', 'magistral', 'devstral'],
  }),
  compatible('codestral', 'Mistral Codestral', 'https://codestral.mistral.ai/v1', ['CODESTRAL_API_KEY'], {
    quirks: MISTRAL_QUIRKS,
  }),
  compatible('xai', 'xAI', 'https://api.x.ai/v1', ['XAI_API_KEY'], {
    // "reasoning token consumption will be counted separately from completion_tokens" (docs.x.ai).
    quirks: { reasoningBesideOutput: true },
    priceId: 'x-ai',
    makes: ['grok-'],
  }),
  compatible('deepseek', 'DeepSeek', 'https://api.deepseek.com/v1', ['DEEPSEEK_API_KEY'], { makes: ['deepseek-'] }),
  compatible('perplexity', 'Perplexity', 'https://api.perplexity.ai', ['PERPLEXITYAI_API_KEY'], { makes: ['sonar'] }),
  compatible('ai21', 'AI21 Labs', 'https://api.ai21.com/studio/v1', ['AI21_API_KEY'], { makes: ['jamba'] }),
  compatible('moonshot', 'Moonshot AI', 'https://api.moonshot.ai/v1', ['MOONSHOT_API_KEY'], {
    priceId: 'moonshotai',
    modelsId: 'moonshotai',
    makes: ['kimi', 'moonshot'],
  }),
  compatible(
    'dashscope',
    'Alibaba Model Studio',
    'https://dashscope-intl.aliyuncs.com/compatible-mode/v1',
    ['DASHSCOPE_API_KEY'],
    { modelsId: 'alibaba', makes: ['qwen'] },
  ),
  compatible('zhipu', 'Zhipu AI', 'https://open.bigmodel.cn/api/paas/v4', ['ZHIPU_API_KEY'], {
    priceId: 'zhipuai',
    modelsId: 'zhipuai',
    makes: ['glm'],
  }),
  compatible('zai', 'Z.ai', 'https://api.z.ai/api/paas/v4', ['ZAI_API_KEY'], { makes: ['glm'] }),
  compatible('minimax', 'MiniMax', 'https://api.minimax.io/v1', ['MINIMAX_API_KEY'], { makes: ['minimax'] }),
  compatible('volcengine', 'Volcengine Ark', 'https://ark.cn-beijing.volces.com/api/v3', ['VOLCENGINE_API_KEY'], {
    makes: ['doubao'],
  }),
  compatible('xiaomi', 'Xiaomi MiMo', 'https://api.xiaomimimo.com/v1', ['XIAOMI_MIMO_API_KEY'], { makes: ['mimo'] }),
  compatible('upstage', 'Upstage', 'https://api.upstage.ai/v1/solar', ['UPSTAGE_API_KEY'], { makes: ['solar'] }),
  compatible('sarvam', 'Sarvam AI', 'https://api.sarvam.ai/v1', ['SARVAM_API_KEY'], {
    auth: 'api-subscription-key',
    makes: ['sarvam'],
  }),
];

/** Those who run other makers' models. */
const HOSTS: readonly Vendor[] = [
  compatible('groq', 'Groq', 'https://api.groq.com/openai/v1', ['GROQ_API_KEY'], {
    // "will result in a 400 error if they are supplied" (console.groq.com/docs/openai).
    quirks: { refuses: ['logprobs', 'logit_bias', 'top_logprobs'] },
  }),
  compatible('cerebras', 'Cerebras', 'https://api.cerebras.ai/v1', ['CEREBRAS_API_KEY'], {
    // "will result in a 400 error if they are supplied" (inference-docs.cerebras.ai).
    quirks: {
      refuses: ['frequency_penalty', 'presence_penalty', 'logit_bias', 'parallel_tool_calls', 'service_tier'],
    },
  }),
  compatible('together', 'Together AI', 'https://api.together.xyz/v1', ['TOGETHER_API_KEY'], {
    modelsId: 'togetherai',
  }),
  compatible('fireworks', 'Fireworks AI', 'https://api.fireworks.ai/inference/v1', ['FIREWORKS_API_KEY'], {
    modelsId: 'fireworks-ai',
  }),
  compatible('openrouter', 'OpenRouter', 'https://openrouter.ai/api/v1', ['OPENROUTER_API_KEY']),
  compatible('sambanova', 'SambaNova', 'https://api.sambanova.ai/v1', ['SAMBANOVA_API_KEY']),
  compatible('nvidia', 'NVIDIA NIM', 'https://integrate.api.nvidia.com/v1', ['NVIDIA_NIM_API_KEY']),
  compatible('deepinfra', 'DeepInfra', 'https://api.deepinfra.com/v1/openai', ['DEEPINFRA_API_KEY']),
  compatible('hyperbolic', 'Hyperbolic', 'https://api.hyperbolic.xyz/v1', ['HYPERBOLIC_API_KEY']),
  compatible('novita', 'Novita AI', 'https://api.novita.ai/openai/v1', ['NOVITA_API_KEY']),
  compatible('nebius', 'Nebius Token Factory', 'https://api.tokenfactory.nebius.com/v1', ['NEBIUS_API_KEY']),
  compatible('nscale', 'Nscale', 'https://inference.api.nscale.com/v1', ['NSCALE_API_KEY']),
  compatible('huggingface', 'Hugging Face', 'https://router.huggingface.co/v1', ['HF_TOKEN', 'HUGGINGFACE_API_KEY'], {
    needsEntry: true,
  }),
  compatible('siliconflow', 'SiliconFlow', 'https://api.siliconflow.cn/v1', ['SILICONFLOW_API_KEY']),
  compatible('friendli', 'FriendliAI', 'https://api.friendli.ai/serverless/v1', [
    'FRIENDLIAI_API_KEY',
    'FRIENDLI_TOKEN',
  ]),
  compatible('featherless', 'Featherless', 'https://api.featherless.ai/v1', ['FEATHERLESS_API_KEY']),
  compatible('inference-net', 'Inference.net', 'https://api.inference.net/v1', ['INFERENCE_NET_API_KEY'], {
    modelsId: 'inference',
  }),
  compatible('io-intelligence', 'IO Intelligence', 'https://api.intelligence.io.solutions/api/v1', [
    'IOINTELLIGENCE_API_KEY',
  ]),
  compatible('ovhcloud', 'OVHcloud', 'https://oai.endpoints.kepler.ai.cloud.ovh.net/v1', ['OVHCLOUD_API_KEY']),
  compatible('scaleway', 'Scaleway', 'https://api.scaleway.ai/v1', ['SCW_SECRET_KEY'], {
    // The secret key of the whole Scaleway account, set for its other tools too.
    needsEntry: true,
  }),
  compatible('venice', 'Venice', 'https://api.venice.ai/api/v1', ['VENICE_AI_API_KEY']),
  compatible('poe', 'Poe', 'https://api.poe.com/v1', ['POE_API_KEY']),
  compatible('chutes', 'Chutes', 'https://llm.chutes.ai/v1', ['CHUTES_API_KEY']),
  compatible('nano-gpt', 'NanoGPT', 'https://nano-gpt.com/api/v1', ['NANOGPT_API_KEY']),
  compatible('gmi', 'GMI Cloud', 'https://api.gmi-serving.com/v1', ['GMI_API_KEY']),
  compatible('synthetic', 'Synthetic', 'https://api.synthetic.new/openai/v1', ['SYNTHETIC_API_KEY']),
  compatible('publicai', 'Public AI', 'https://api.publicai.co/v1', ['PUBLICAI_API_KEY']),
  compatible('crusoe', 'Crusoe', 'https://managed-inference-api-proxy.crusoecloud.com/v1', ['CRUSOE_API_KEY']),
];

export const VENDORS: readonly Vendor[] = [...MAKERS, ...HOSTS];

/** 127.0.0.1, not `localhost`: that may resolve to ::1 first, where these servers do not listen. */
function local(name: string, title: string, port: number, variablePrefix: string, keyVariables: string[]): Vendor {
  return {
    name,
    title,
    dialect: 'openai',
    baseUrl: `http://127.0.0.1:${port}/v1`,
    auth: keyVariables.length === 0 ? 'none' : 'bearer',
    keyVariables,
    variablePrefix,
    local: true,
  };
}

/** Servers on the user's own machine, found on their usual ports. Their keys, where they have one, are optional. */
export const LOCAL_VENDORS: readonly Vendor[] = [
  local('ollama', 'Ollama', 11434, 'OLLAMA', []),
  local('lm-studio', 'LM Studio', 1234, 'LM_STUDIO', ['LM_STUDIO_API_KEY']),
  local('llama-cpp', 'llama.cpp', 8080, 'LLAMA_CPP', []),
  local('vllm', 'vLLM', 8000, 'VLLM', ['HOSTED_VLLM_API_KEY']),
];

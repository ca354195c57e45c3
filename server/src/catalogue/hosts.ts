/** Those who run other makers' models, or resell them. */
import type { Vendor } from '../contract/provider.ts';
import { CEREBRAS, GROQ, OPENROUTER } from './quirks.ts';
import { compatible } from './row.ts';

export const HOSTS: readonly Vendor[] = [
  compatible('groq', 'Groq', 'https://api.groq.com/openai/v1', ['GROQ_API_KEY'], {
    quirks: GROQ,
    speaks: { responses: {} },
  }),
  compatible('cerebras', 'Cerebras', 'https://api.cerebras.ai/v1', ['CEREBRAS_API_KEY'], { quirks: CEREBRAS }),
  compatible('together', 'Together AI', 'https://api.together.xyz/v1', ['TOGETHER_API_KEY'], {
    modelsId: 'togetherai',
  }),
  compatible('fireworks', 'Fireworks AI', 'https://api.fireworks.ai/inference/v1', ['FIREWORKS_API_KEY'], {
    modelsId: 'fireworks-ai',
  }),
  compatible('openrouter', 'OpenRouter', 'https://openrouter.ai/api/v1', ['OPENROUTER_API_KEY'], {
    quirks: OPENROUTER,
    speaks: { responses: {} },
  }),
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
  compatible('bytez', 'Bytez', 'https://api.bytez.com/models/v2/openai/v1', ['BYTEZ_API_KEY']),
  compatible('cometapi', 'CometAPI', 'https://api.cometapi.com/v1', ['COMETAPI_KEY', 'COMETAPI_API_KEY']),
  compatible('aihubmix', 'AIHubMix', 'https://aihubmix.com/v1', ['AIHUBMIX_API_KEY']),
  compatible('302ai', '302.AI', 'https://api.302.ai/v1', ['AI302_API_KEY']),
  compatible('assemblyai', 'AssemblyAI LLM Gateway', 'https://llm-gateway.assemblyai.com/v1', ['ASSEMBLYAI_API_KEY'], {
    // The key of its speech services too, so it says nothing about models.
    needsEntry: true,
    quirks: { paths: { models: null } },
    gaps: 'its own list of models is not asked for',
  }),
];

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AUTO } from '../../../src/catalogue/auto.ts';
import { LOCAL_VENDORS, VENDORS } from '../../../src/catalogue/vendors.ts';
import { quirksFor } from '../../../src/contract/quirks.ts';

/** The facts of `providers.tsv` that the rows rest on: our name, its name there, base URL, header, key variables. */
const FACTS = `
openai|openai|https://api.openai.com/v1|bearer|OPENAI_API_KEY
anthropic|anthropic|https://api.anthropic.com/v1|x-api-key|ANTHROPIC_API_KEY
gemini|google-gemini|https://generativelanguage.googleapis.com/v1beta|x-goog-api-key|GEMINI_API_KEY
cohere|cohere|https://api.cohere.com|bearer|COHERE_API_KEY
mistral|mistral|https://api.mistral.ai/v1|bearer|MISTRAL_API_KEY
codestral|codestral|https://codestral.mistral.ai/v1|bearer|CODESTRAL_API_KEY
groq|groq|https://api.groq.com/openai/v1|bearer|GROQ_API_KEY
xai|xai|https://api.x.ai/v1|bearer|XAI_API_KEY
deepseek|deepseek|https://api.deepseek.com/v1|bearer|DEEPSEEK_API_KEY
together|together|https://api.together.xyz/v1|bearer|TOGETHER_API_KEY
fireworks|fireworks|https://api.fireworks.ai/inference/v1|bearer|FIREWORKS_API_KEY
perplexity|perplexity|https://api.perplexity.ai|bearer|PERPLEXITYAI_API_KEY
openrouter|openrouter|https://openrouter.ai/api/v1|bearer|OPENROUTER_API_KEY
cerebras|cerebras|https://api.cerebras.ai/v1|bearer|CEREBRAS_API_KEY
sambanova|sambanova|https://api.sambanova.ai/v1|bearer|SAMBANOVA_API_KEY
nvidia|nvidia-nim|https://integrate.api.nvidia.com/v1|bearer|NVIDIA_NIM_API_KEY
deepinfra|deepinfra|https://api.deepinfra.com/v1/openai|bearer|DEEPINFRA_API_KEY
hyperbolic|hyperbolic|https://api.hyperbolic.xyz/v1|bearer|HYPERBOLIC_API_KEY
novita|novita|https://api.novita.ai/openai/v1|bearer|NOVITA_API_KEY
nebius|nebius|https://api.tokenfactory.nebius.com/v1|bearer|NEBIUS_API_KEY
nscale|nscale|https://inference.api.nscale.com/v1|bearer|NSCALE_API_KEY
ai21|ai21|https://api.ai21.com/studio/v1|bearer|AI21_API_KEY
huggingface|huggingface|https://router.huggingface.co/v1|bearer|HF_TOKEN,HUGGINGFACE_API_KEY
moonshot|moonshot|https://api.moonshot.ai/v1|bearer|MOONSHOT_API_KEY
dashscope|dashscope-qwen|https://dashscope-intl.aliyuncs.com/compatible-mode/v1|bearer|DASHSCOPE_API_KEY
zhipu|zhipu|https://open.bigmodel.cn/api/paas/v4|bearer|ZHIPU_API_KEY
zai|z-ai|https://api.z.ai/api/paas/v4|bearer|ZAI_API_KEY
minimax|minimax|https://api.minimax.io/v1|bearer|MINIMAX_API_KEY
volcengine|volcengine-ark|https://ark.cn-beijing.volces.com/api/v3|bearer|VOLCENGINE_API_KEY
siliconflow|siliconflow|https://api.siliconflow.cn/v1|bearer|SILICONFLOW_API_KEY
xiaomi|xiaomi-mimo|https://api.xiaomimimo.com/v1|bearer|XIAOMI_MIMO_API_KEY
upstage|upstage|https://api.upstage.ai/v1/solar|bearer|UPSTAGE_API_KEY
friendli|friendliai|https://api.friendli.ai/serverless/v1|bearer|FRIENDLIAI_API_KEY,FRIENDLI_TOKEN
featherless|featherless|https://api.featherless.ai/v1|bearer|FEATHERLESS_API_KEY
inference-net|inference-net|https://api.inference.net/v1|bearer|INFERENCE_NET_API_KEY
io-intelligence|io-intelligence|https://api.intelligence.io.solutions/api/v1|bearer|IOINTELLIGENCE_API_KEY
ovhcloud|ovhcloud|https://oai.endpoints.kepler.ai.cloud.ovh.net/v1|bearer|OVHCLOUD_API_KEY
scaleway|scaleway|https://api.scaleway.ai/v1|bearer|SCW_SECRET_KEY
venice|venice|https://api.venice.ai/api/v1|bearer|VENICE_AI_API_KEY
poe|poe|https://api.poe.com/v1|bearer|POE_API_KEY
chutes|chutes|https://llm.chutes.ai/v1|bearer|CHUTES_API_KEY
nano-gpt|nano-gpt|https://nano-gpt.com/api/v1|bearer|NANOGPT_API_KEY
gmi|gmi|https://api.gmi-serving.com/v1|bearer|GMI_API_KEY
synthetic|synthetic|https://api.synthetic.new/openai/v1|bearer|SYNTHETIC_API_KEY
publicai|publicai|https://api.publicai.co/v1|bearer|PUBLICAI_API_KEY
sarvam|sarvam|https://api.sarvam.ai/v1|api-subscription-key|SARVAM_API_KEY
crusoe|crusoe|https://managed-inference-api-proxy.crusoecloud.com/v1|bearer|CRUSOE_API_KEY
reka|reka|https://api.reka.ai/v1|x-api-key|REKA_API_KEY
krutrim|krutrim|https://cloud.olakrutrim.com/v1|bearer|KRUTRIM_API_KEY
voyage|voyage|https://api.voyageai.com/v1|bearer|VOYAGE_API_KEY
jina|jina|https://api.jina.ai/v1|bearer|JINA_AI_API_KEY,JINA_API_KEY
bytez|bytez|https://api.bytez.com/models/v2/openai/v1|bearer|BYTEZ_API_KEY
cometapi|cometapi|https://api.cometapi.com/v1|bearer|COMETAPI_KEY,COMETAPI_API_KEY
aihubmix|aihubmix|https://aihubmix.com/v1|bearer|AIHUBMIX_API_KEY
302ai|302ai|https://api.302.ai/v1|bearer|AI302_API_KEY
assemblyai|assemblyai-llm|https://llm-gateway.assemblyai.com/v1|bearer|ASSEMBLYAI_API_KEY
bedrock|aws-bedrock|https://bedrock-runtime.{region}.amazonaws.com|bearer|AWS_BEARER_TOKEN_BEDROCK
vertex|vertex-ai|https://{region}-aiplatform.googleapis.com/v1/projects/{project}/locations/{region}/publishers/google|google|
azure|azure-openai|https://{resource}.openai.azure.com/openai/v1|api-key|AZURE_OPENAI_API_KEY,AZURE_API_KEY
azure-ai|azure-ai-inference|https://{resource}.services.ai.azure.com/openai/v1|api-key|AZURE_AI_API_KEY
cloudflare|cloudflare-workers-ai|https://api.cloudflare.com/client/v4/accounts/{account}/ai/v1|bearer|CLOUDFLARE_API_KEY,CLOUDFLARE_API_TOKEN
snowflake|snowflake-cortex|https://{account}.snowflakecomputing.com/api/v2/cortex/v1|bearer|SNOWFLAKE_PAT,SNOWFLAKE_TOKEN
`;

const facts = new Map(
  FACTS.trim()
    .split('\n')
    .map((line) => {
      const [name = '', , baseUrl = '', auth = '', keys = ''] = line.split('|');
      return [name, { baseUrl, auth, keys: keys === '' ? [] : keys.split(',') }];
    }),
);

test('there are fifty-five rows and more, forty of which a plain key alone switches on', () => {
  assert.ok(VENDORS.length >= 55, `${VENDORS.length}`);
  const plain = VENDORS.filter((vendor) => !vendor.needsEntry && vendor.parameters === undefined);
  assert.ok(plain.length >= 40, `${plain.length}`);
});

test('each vendor is a row of the collected facts, and none is missing', () => {
  assert.deepEqual(VENDORS.map((vendor) => vendor.name).sort(), [...facts.keys()].sort());
  for (const vendor of VENDORS) {
    const { baseUrl, auth, keyVariables } = vendor;
    assert.deepEqual({ baseUrl, auth, keys: keyVariables }, facts.get(vendor.name), vendor.name);
  }
});

test('names, prefixes and key variables are unique and well formed', () => {
  const all = [...VENDORS, ...LOCAL_VENDORS];
  for (const field of ['name', 'variablePrefix', 'baseUrl'] as const) {
    const values = all.map((vendor) => vendor[field]);
    assert.equal(new Set(values).size, values.length, field);
  }
  const keys = all.flatMap((vendor) => vendor.keyVariables);
  assert.equal(new Set(keys).size, keys.length);
  for (const vendor of all) {
    assert.match(vendor.name, /^[a-z0-9]+(-[a-z0-9]+)*$/);
    assert.match(vendor.variablePrefix, /^[A-Z][A-Z0-9]*(_[A-Z0-9]+)*$/);
    for (const key of vendor.keyVariables) {
      assert.match(key, /^[A-Z][A-Z0-9_]*_(API_KEY|SECRET_KEY|KEY|TOKEN|PAT|TOKEN_BEDROCK)$/);
    }
  }
});

test('addresses are https without a trailing slash, query or account; local ones are on loopback', () => {
  for (const vendor of VENDORS) {
    const named = [...new Set([...vendor.baseUrl.matchAll(/\{(\w+)\}/g)].map(([, name]) => name))];
    const parameters = vendor.parameters ?? [];
    assert.deepEqual(
      named,
      parameters.filter(({ optional }) => !optional).map(({ name }) => name),
      vendor.name,
    );
    const address = parameters.reduce(
      (text, { name, example }) => text.replaceAll(`{${name}}`, example),
      vendor.baseUrl,
    );
    const url = new URL(address);
    assert.equal(url.protocol, 'https:', vendor.name);
    assert.equal(url.search + url.hash + url.username, '', vendor.name);
    assert.doesNotMatch(address, /[{}]|\/$/, vendor.name);
    // Without a key it must be able to sign, and to do so only when it is asked.
    if (vendor.keyVariables.length === 0) assert.ok(vendor.auth === 'google' && vendor.needsEntry, vendor.name);
  }
  const local = LOCAL_VENDORS.map((vendor) => [vendor.name, vendor.baseUrl, vendor.local]);
  assert.deepEqual(local, [
    ['ollama', 'http://127.0.0.1:11434/v1', true],
    ['lm-studio', 'http://127.0.0.1:1234/v1', true],
    ['llama-cpp', 'http://127.0.0.1:8080/v1', true],
    ['vllm', 'http://127.0.0.1:8000/v1', true],
    ['sglang', 'http://127.0.0.1:30000/v1', true],
  ]);
});

test('the variable prefix is the key variable without its ending', () => {
  const prefixes = Object.fromEntries([...VENDORS, ...LOCAL_VENDORS].map((one) => [one.name, one.variablePrefix]));
  assert.equal(prefixes.openai, 'OPENAI');
  assert.equal(prefixes.perplexity, 'PERPLEXITYAI');
  assert.equal(prefixes.scaleway, 'SCW');
  assert.equal(prefixes.huggingface, 'HF');
  assert.equal(prefixes.friendli, 'FRIENDLIAI');
  assert.equal(prefixes['lm-studio'], 'LM_STUDIO');
  assert.equal(prefixes.vllm, 'VLLM');
});

test('general credentials enable nothing by themselves', () => {
  const general = VENDORS.filter((vendor) => vendor.needsEntry).map((vendor) => vendor.name);
  assert.deepEqual(general, ['huggingface', 'scaleway', 'assemblyai', 'bedrock', 'vertex', 'cloudflare', 'snowflake']);
});

test('those with a dialect of their own, and what goes with it', () => {
  const others = VENDORS.filter((vendor) => vendor.dialect !== 'openai');
  assert.deepEqual(
    others.map(({ name, dialect, headers }) => ({ name, dialect, headers })),
    [
      { name: 'anthropic', dialect: 'anthropic', headers: { 'anthropic-version': '2023-06-01' } },
      { name: 'gemini', dialect: 'gemini', headers: undefined },
      { name: 'cohere', dialect: 'cohere', headers: undefined },
      { name: 'bedrock', dialect: 'bedrock', headers: undefined },
      { name: 'vertex', dialect: 'gemini', headers: undefined },
    ],
  );
});

test('what auto may choose is named only for vendors that exist', () => {
  const names = new Set(VENDORS.map((vendor) => vendor.name));
  for (const [vendor, models] of Object.entries(AUTO)) {
    assert.ok(names.has(vendor), vendor);
    assert.ok(models.length > 0, vendor);
    assert.equal(new Set(models).size, models.length, vendor);
  }
});

test('parameters take their own example, and nothing that could leave their place in the address', () => {
  for (const vendor of VENDORS) {
    for (const { name, pattern, example, what, variables } of vendor.parameters ?? []) {
      assert.match(example, pattern, `${vendor.name}.${name}`);
      assert.ok(what !== '' && variables.length > 0);
      for (const foul of [
        '',
        ' ',
        'a/b',
        'a?b',
        'a#b',
        'a@b',
        'a:1',
        'evil.com/',
        '../x',
        'a\\b',
        'a%2fb',
        'a\nb',
        `${example}\n`,
      ]) {
        assert.doesNotMatch(foul, pattern, `${vendor.name}.${name} ${JSON.stringify(foul)}`);
      }
    }
  }
});

test('rules for models have patterns without a memory, and later rules win', () => {
  for (const vendor of [...VENDORS, ...LOCAL_VENDORS]) {
    for (const { models } of vendor.quirks?.forModels ?? []) assert.doesNotMatch(models.flags, /[gy]/, vendor.name);
  }
  const quirks = (vendor: string, model: string) =>
    quirksFor(VENDORS.find(({ name }) => name === vendor)?.quirks ?? {}, model);
  const goesOn = (vendor: string, model: string) => Boolean(quirks(vendor, model).prefix);
  for (const [vendor, model, expected] of [
    ['openai', 'gpt-4o', false],
    ['mistral', 'mistral-large-latest', true],
    ['deepseek', 'deepseek-v4-pro', true],
    ['moonshot', 'kimi-k2.5', true],
    ['moonshot', 'moonshot-v1-8k', true],
    ['moonshot', 'kimi-k2.7-code', false],
    ['moonshot', 'kimi-k3', false],
    ['dashscope', 'qwen-plus', true],
    ['dashscope', 'qwen3.7-max-2026-06-08', true],
    ['dashscope', 'qwen3-235b-a22b-thinking-2507', false],
    ['dashscope', 'qwen3-vl-plus', false],
    ['dashscope', 'deepseek-v3', false],
    ['groq', 'llama-3.3-70b-versatile', true],
    ['groq', 'openai/gpt-oss-120b', false],
    ['perplexity', 'sonar', false],
    ['openrouter', 'anthropic/claude-sonnet-4.5', false],
  ] as const) {
    assert.equal(goesOn(vendor, model), expected, `${vendor}/${model}`);
  }
  const refuses = (model: string) => quirks('openai', model).refuses ?? [];
  assert.deepEqual(refuses('gpt-4o'), []);
  assert.ok(!refuses('gpt-5.2').includes('temperature') && refuses('gpt-5.2').includes('logit_bias'));
  for (const model of ['o3-mini', 'gpt-5', 'gpt-5-mini', 'gpt-6-luna'])
    assert.ok(refuses(model).includes('temperature'));
  assert.deepEqual(refuses('gpt-5-chat-latest'), []);
  assert.ok(refuses('o4-mini').includes('stop') && !refuses('o1').includes('stop'));
  assert.deepEqual(quirks('openai', 'gpt-4.1').effort, { words: [] });
  assert.equal(quirks('openai', 'my-own-model').effort, undefined);
  assert.equal(quirks('deepseek', 'deepseek-v4-flash').replay?.required, true);
  assert.equal(quirks('deepseek', 'deepseek-reasoner').replay?.sinceUser, true);
});

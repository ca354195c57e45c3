/** What the model data does not say: schemas, prefixes, system messages. By vendor and name, each with the page that says so. */
import type { ModelInfo, Vendor } from '../contract/provider.ts';
import { quirksFor } from '../contract/quirks.ts';
import { looksLikeEmbedding } from './names.ts';

type Ability = Pick<ModelInfo, 'schema' | 'systemRole'>;

interface Rule {
  models: RegExp;
  says: Ability;
}

/** Later rules win. What no rule names is not known. */
const RULES: Readonly<Record<string, readonly Rule[]>> = {
  // platform.openai.com/docs/guides/structured-outputs: gpt-4o-2024-08-06 and later; the first o1 models take no
  // system message.
  openai: [
    { models: /^(gpt-4o|gpt-4\.\d|gpt-[5-9]|o\d)/, says: { schema: true, systemRole: true } },
    { models: /^(gpt-4(-\d|-turbo|-32k|$)|gpt-3\.5|gpt-4o-2024-05-13)/, says: { schema: false, systemRole: true } },
    { models: /^o1-(mini|preview)/, says: { schema: false, systemRole: false } },
  ],
  // docs.mistral.ai/capabilities/structured-output: all models but codestral-mamba.
  mistral: [{ models: /./, says: { schema: true, systemRole: true } }],
  // ai.google.dev/gemini-api/docs/structured-output; Gemma takes no system instruction.
  gemini: [
    { models: /^gemini-/, says: { schema: true, systemRole: true } },
    { models: /^gemma-/, says: { systemRole: false } },
  ],
  // docs.x.ai/docs/guides/structured-outputs: all since grok-2-1212.
  xai: [{ models: /^grok-/, says: { schema: true, systemRole: true } }],
  // docs.perplexity.ai/guides/structured-outputs.
  perplexity: [{ models: /^sonar/, says: { schema: true, systemRole: true } }],
  // inference-docs.cerebras.ai/capabilities/structured-outputs.
  cerebras: [{ models: /./, says: { schema: true, systemRole: true } }],
  // console.groq.com/docs/structured-outputs.
  groq: [{ models: /gpt-oss|kimi-k2|llama-4/, says: { schema: true, systemRole: true } }],
};

/** What can be said of a model of this vendor beside the model data. */
export function abilitiesOf(
  vendor: Vendor,
  model: string,
): Pick<ModelInfo, 'schema' | 'prefix' | 'systemRole' | 'embeds'> {
  const known: Ability = {};
  for (const rule of RULES[vendor.deployments ? (vendor.modelsId ?? '') : vendor.name] ?? []) {
    if (rule.models.test(model)) Object.assign(known, rule.says);
  }
  const quirks = quirksFor(vendor.quirks ?? {}, model);
  return {
    schema: quirks.noSchema ? false : (known.schema ?? null),
    systemRole: known.systemRole ?? null,
    // Other dialects know by themselves which of their models go on.
    prefix: vendor.dialect === 'openai' ? Boolean(quirks.prefix) : null,
    embeds: vendor.serves?.includes('embed') ?? looksLikeEmbedding(model),
  };
}

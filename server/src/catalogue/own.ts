/** What is known of a model: what the operator says of it, over what the catalogue says. */
import type { ModelInfo, Provider } from '../contract/provider.ts';
import { looksLikeChat, looksLikeEmbedding } from './names.ts';

/** `catalogued` is null for models and providers that the catalogue does not have. */
export function withOwn(provider: Provider, model: string, catalogued: ModelInfo | null): ModelInfo | null {
  const { abilities } = provider;
  const own = abilities !== undefined && Object.hasOwn(abilities, model) ? abilities[model] : undefined;
  if (own === undefined) return catalogued;
  const base: ModelInfo = catalogued ?? {
    id: model,
    contextWindow: null,
    maxOutput: null,
    tools: null,
    images: null,
    reasoning: null,
    chat: looksLikeChat(model),
    // That a name does not tell of vectors says nothing.
    ...(looksLikeEmbedding(model) ? { embeds: true } : {}),
  };
  return { ...base, ...own };
}

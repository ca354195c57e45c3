/** The keys of a provider: one from a variable, or several from `goblin.yaml`, each with limits of its own. */
import type { ProviderKey, Vendor } from '../contract/provider.ts';
import type { ProviderEntry } from '../settings/schema.ts';
import { ProviderConfigError } from './place.ts';

type Env = Readonly<Record<string, string>>;

/** Variables that may hold a provider's key; the first that is set wins. */
export function keyVariablesOf(vendor: Vendor | null, entry: ProviderEntry | undefined): string[] {
  return [
    ...(vendor ? [`MCP_${vendor.variablePrefix}_API_KEY`] : []),
    ...(entry?.key_env ? [entry.key_env] : []),
    ...(vendor?.keyVariables ?? []),
  ];
}

/** Keys of a provider that stand in the record. */
export interface StoredKeys {
  /** A tenant's own: those of the installation are not used beside them. */
  alone: boolean;
  keys: readonly ProviderKey[];
}

/** With those that stand in the record; one that is there twice counts once. */
export function allKeysOf(
  env: Env,
  name: string,
  vendor: Vendor | null,
  entry: ProviderEntry | undefined,
  stored: StoredKeys | undefined,
): ProviderKey[] {
  const configured = stored?.alone ? [] : keysOf(env, name, vendor, entry);
  const more = (stored?.keys ?? []).filter(({ key }) => !configured.some((one) => one.key === key));
  return [...configured, ...more].sort((a, b) => b.weight - a.weight);
}

/** Best first; empty when no variable is set. A list in the entry must be whole. Throws `ProviderConfigError`. */
function keysOf(env: Env, name: string, vendor: Vendor | null, entry: ProviderEntry | undefined): ProviderKey[] {
  const place = `goblin.yaml: providers.${name}`;
  if (entry?.keys && entry.key_env) {
    throw new ProviderConfigError(`${place} has both keys and key_env; put the one of key_env into keys.`);
  }
  const all = keyVariablesOf(vendor, entry);
  // What is set for this server alone goes before the file.
  const first = all.find((variable) => env[variable] && (!entry?.keys || variable.startsWith('MCP_')));
  if (first !== undefined) return [single(first, checkedKey(first, env[first] as string))];
  return entry?.keys ? listed(env, place, entry.keys) : [];
}

const single = (id: string, key: string): ProviderKey => ({
  id,
  key,
  weight: 1,
  requestsPerMinute: null,
  tokensPerMinute: null,
  models: null,
});

function listed(env: Env, place: string, list: NonNullable<ProviderEntry['keys']>): ProviderKey[] {
  const byValue = new Map<string, string>();
  const keys = list.map((item, at): ProviderKey => {
    const value = env[item.env];
    if (!value) {
      throw new ProviderConfigError(
        `${place}.keys.${at}.env names ${item.env}, which is not set; export it, or take the line out.`,
      );
    }
    const key = checkedKey(item.env, value);
    const same = byValue.get(key);
    // Limits and cool-downs belong to a key: counted twice they would hold for neither.
    if (same !== undefined) {
      throw new ProviderConfigError(
        `${place}.keys has the same key twice (${same}${same === item.env ? '' : `, ${item.env}`}); keep one of them.`,
      );
    }
    byValue.set(key, item.env);
    return {
      id: item.env,
      key,
      weight: item.weight ?? 1,
      requestsPerMinute: item.requests_per_minute ?? null,
      tokensPerMinute: item.tokens_per_minute ?? null,
      models: item.models ?? null,
    };
  });
  return keys.sort((a, b) => b.weight - a.weight);
}

function checkedKey(name: string, key: string): string {
  if (!/^[\x21-\x7e]+$/.test(key)) {
    throw new ProviderConfigError(`${name} has blanks or characters that no key has; copy the key again.`);
  }
  return key;
}

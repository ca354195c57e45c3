/** Which providers the configuration switches on, and by what. No key leaves this file unmasked. */
import { LOCAL_VENDORS, VENDORS } from '../../catalogue/vendors.ts';
import type { Provider } from '../../contract/provider.ts';
import { configuredProviders, keyVariablesOf, ProviderConfigError, urlVariablesOf } from '../../providers/registry.ts';
import { type Config, ConfigError, mask } from '../config.ts';

export interface ProviderLine {
  name: string;
  title: string;
  dialect: string;
  base_url: string;
  /** The variable or file that says so, or `catalogue`. */
  base_url_from: string;
  /** Masked; null when it has none. */
  key: string | null;
  key_from: string | null;
  /** Models that the file names. */
  models: readonly string[];
  /** Names of headers that the file adds; their values may be secrets. */
  headers: readonly string[];
}

/** Throws `ConfigError` for what would stop a start. */
export function configuredLines(config: Config, isOurs: (url: URL) => boolean): ProviderLine[] {
  const { env, settings } = config;
  try {
    const providers = configuredProviders({
      env,
      entries: settings.providers,
      vendors: VENDORS,
      locals: LOCAL_VENDORS,
      isOurs,
    });
    return providers.map((provider) => lineOf(provider, config));
  } catch (error) {
    if (error instanceof ProviderConfigError) throw new ConfigError(error.message);
    throw error;
  }
}

/** Where a variable that is set was read: the environment wins over the file. */
export const sourceOf = (name: string): 'environment' | '.env' => (process.env[name]?.trim() ? 'environment' : '.env');

const variable = (name: string): string => `${name} (${sourceOf(name)})`;

function lineOf(provider: Provider, { env, settings, settingsFile }: Config): ProviderLine {
  const { vendor } = provider;
  const entry = settings.providers[provider.name];
  const file = settingsFile ?? 'goblin.yaml';
  const urlNames = urlVariablesOf(vendor);
  const keyNames = keyVariablesOf(vendor, entry);
  const urlName = urlNames.find((name) => env[name]);
  const keyName = provider.keys?.[0]?.id ?? (provider.key === null ? undefined : keyNames.find((name) => env[name]));
  return {
    name: provider.name,
    title: provider.title,
    dialect: provider.dialect,
    base_url: provider.baseUrl,
    base_url_from: urlName ? variable(urlName) : entry?.base_url ? file : 'catalogue',
    key: provider.key === null ? null : mask(provider.key),
    key_from: keyName
      ? [keyName, ...(provider.keys ?? []).slice(1).map(({ id }) => id)].map(variable).join(', ')
      : null,
    models: entry?.models?.map((model) => (typeof model === 'string' ? model : model.id)) ?? [],
    headers: Object.keys(entry?.headers ?? {}),
  };
}

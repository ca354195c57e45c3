/** Which providers are switched on: by their key variable, by `goblin.yaml`, or found on this machine. */
import type { DialectName } from '../contract/call.ts';
import type { AuthStyle, ModelInfo, Provider, ProviderKey, Vendor } from '../contract/provider.ts';
import type { PrefixQuirk, Quirks } from '../contract/quirks.ts';
import type { ProviderEntry } from '../settings/schema.ts';
import { entraCredentials } from './auth/entra.ts';
import { allKeysOf, type StoredKeys } from './keys.ts';
import { checkedUrl, ProviderConfigError, placeOf, urlVariablesOf } from './place.ts';

export { keyVariablesOf, type StoredKeys } from './keys.ts';
export { ProviderConfigError, urlVariablesOf } from './place.ts';

export interface RegistryInput {
  env: Readonly<Record<string, string>>;
  entries: Readonly<Record<string, ProviderEntry>>;
  vendors: readonly Vendor[];
  locals: readonly Vendor[];
  /** Keys of this provider that stand in the record. */
  stored?(provider: string): StoredKeys | undefined;
  /** Whether an address is our own. */
  isOurs(url: URL): boolean;
}

export function configuredProviders(input: RegistryInput): Provider[] {
  const providers: Provider[] = [];
  const known = new Map([...input.vendors, ...input.locals].map((vendor) => [vendor.name, vendor]));
  for (const vendor of [...input.vendors, ...input.locals]) {
    const entry = input.entries[vendor.name];
    if (entry?.enabled === false) continue;
    const provider = fromVendor(input, vendor, entry);
    if (provider) providers.push(provider);
  }
  for (const [name, entry] of Object.entries(input.entries)) {
    if (known.has(name) || entry.enabled === false) continue;
    providers.push(fromEntry(input, name, entry));
  }
  return providers;
}

/** The provider of this name, if it is switched on. Throws as `configuredProviders`. */
export function configuredProvider(input: RegistryInput, name: string): Provider | null {
  const entry = Object.hasOwn(input.entries, name) ? input.entries[name] : undefined;
  if (entry?.enabled === false) return null;
  const vendor = [...input.vendors, ...input.locals].find((one) => one.name === name);
  if (vendor) return fromVendor(input, vendor, entry);
  return entry ? fromEntry(input, name, entry) : null;
}

function fromVendor(input: RegistryInput, vendor: Vendor, entry: ProviderEntry | undefined): Provider | null {
  const { env } = input;
  const asked = entry !== undefined || urlVariablesOf(vendor).some((name) => env[name]);
  const stored = input.stored?.(vendor.name);
  const keys = allKeysOf(env, vendor.name, vendor, entry, stored);
  const style = entry?.auth ?? (keys.length > 0 ? vendor.auth : (vendor.withoutKey ?? vendor.auth));
  if (vendor.local) {
    // Only when it was asked for; otherwise it is looked for on its usual port (local.ts).
    if (!asked) return null;
  } else if ((keys.length === 0 && !(entry && isKeyless(style))) || (vendor.needsEntry && !entry && !stored))
    return null;
  const dialect = entry?.dialect ?? vendor.dialect;
  const place = placeOf(input, vendor, entry, dialect);
  if (place === null) return null;
  if (!vendor.local || entry?.auth) checkCredentials(env, vendor.name, style, keys, place.parameters);
  return {
    name: vendor.name,
    title: vendor.title,
    dialect,
    baseUrl: place.baseUrl,
    reach: place.reach,
    ...credentials(keys, style),
    parameters: place.parameters,
    headers: { ...versionOf(dialect), ...vendor.headers, ...entry?.headers },
    quirks: withEntry(place.quirks, entry),
    vendor,
    free: entry?.free ?? vendor.local ?? false,
    local: vendor.local ?? false,
    ...modelsOf(entry),
    anyModel: false,
  };
}

function fromEntry(input: RegistryInput, name: string, entry: ProviderEntry): Provider {
  const place = `goblin.yaml: providers.${name}`;
  if (!entry.base_url) {
    throw new ProviderConfigError(
      `${place} is not a provider that we know, so it needs a base_url, e.g. base_url: http://gpu-1:8000/v1.`,
    );
  }
  if (entry.key_env && !input.env[entry.key_env]) {
    throw new ProviderConfigError(
      `${place}.key_env names ${entry.key_env}, which is not set; export it, or take the line out.`,
    );
  }
  const { region, resource, project, account, api_version } = entry;
  const needless = Object.entries({ resource, account, api_version }).find(([, value]) => value !== undefined);
  if (needless) {
    throw new ProviderConfigError(
      `${place}.${needless[0]} is set, but a provider with a base_url of its own takes no such thing; put it into base_url.`,
    );
  }
  const dialect = entry.dialect ?? 'openai';
  const keys = allKeysOf(input.env, name, null, entry, input.stored?.(name));
  const auth = entry.auth ?? (keys.length === 0 ? 'none' : usualAuth(dialect));
  const parameters = { ...(region ? { region } : {}), ...(project ? { project } : {}) };
  checkCredentials(input.env, name, auth, keys, parameters);
  return {
    name,
    title: name,
    dialect,
    baseUrl: checkedUrl(input, `${place}.base_url`, entry.base_url, dialect),
    reach: 'private',
    ...credentials(keys, auth),
    parameters,
    headers: { ...versionOf(dialect), ...entry.headers },
    quirks: withEntry({}, entry),
    vendor: null,
    free: entry.free ?? false,
    local: false,
    ...modelsOf(entry),
    anyModel: false,
  };
}

/** Styles that need no key of the provider's: none at all, or credentials that are made for each call. */
const isKeyless = (style: AuthStyle): boolean => ['none', 'sigv4', 'google', 'entra'].includes(style);

/** What can be known of credentials without asking anybody. */
function checkCredentials(
  env: RegistryInput['env'],
  name: string,
  style: AuthStyle,
  keys: readonly ProviderKey[],
  parameters: Readonly<Record<string, string>>,
): void {
  if (!isKeyless(style) && keys.length === 0) {
    throw new ProviderConfigError(
      `goblin.yaml: providers.${name}.auth is ${style}, but there is no key; name its variable in key_env.`,
    );
  }
  if (style === 'sigv4' && parameters.region === undefined) {
    throw new ProviderConfigError(
      `goblin.yaml: providers.${name} signs for a region and has none; set it there, e.g. region: eu-central-1.`,
    );
  }
  const entra = style === 'entra' ? entraCredentials(env) : null;
  if (typeof entra === 'string') {
    throw new ProviderConfigError(`The provider ${name} has no key and signs with Entra ID: ${entra}.`);
  }
}

function credentials(keys: readonly ProviderKey[], auth: AuthStyle): Pick<Provider, 'auth' | 'key' | 'keys'> {
  return isKeyless(auth) ? { auth, key: null, keys: [] } : { auth, key: keys[0]?.key ?? null, keys };
}

function usualAuth(dialect: DialectName): AuthStyle {
  if (dialect === 'anthropic') return 'x-api-key';
  return dialect === 'gemini' ? 'x-goog-api-key' : 'bearer';
}

const versionOf = (dialect: DialectName): Record<string, string> =>
  dialect === 'anthropic' ? { 'anthropic-version': '2023-06-01' } : {};

/** What `prefix` in an entry means. */
export const PREFIX_STYLES: Readonly<Record<NonNullable<ProviderEntry['prefix']>, PrefixQuirk | null>> = {
  trailing: {},
  continue_final_message: { body: { continue_final_message: true, add_generation_prompt: false } },
  prefix: { mark: 'prefix' },
  partial: { mark: 'partial' },
  none: null,
};

function withEntry(quirks: Quirks, entry: ProviderEntry | undefined): Quirks {
  const own: Quirks = {};
  if (entry?.prefix !== undefined) own.prefix = PREFIX_STYLES[entry.prefix];
  if (entry?.think_tags !== undefined) own.thinkTags = entry.think_tags;
  if (Object.keys(own).length === 0) return quirks;
  // What the file says holds for every model.
  const forModels = quirks.forModels?.map((rule) => ({ ...rule, quirks: { ...rule.quirks, ...own } }));
  return { ...quirks, ...own, ...(forModels ? { forModels } : {}) };
}

function modelsOf(entry: ProviderEntry | undefined): Pick<Provider, 'models' | 'abilities'> {
  const list = entry?.models ?? [];
  const models = list.map((model) => (typeof model === 'string' ? model : model.id));
  const described = list.flatMap((model) => (typeof model === 'string' ? [] : [[model.id, abilityOf(model)] as const]));
  // Not by assignment: a model may have any name, `__proto__` too.
  return described.length === 0 ? { models } : { models, abilities: Object.fromEntries(described) };
}

type ModelEntry = Exclude<NonNullable<ProviderEntry['models']>[number], string>;

function abilityOf(model: ModelEntry): Partial<ModelInfo> {
  const own: Partial<ModelInfo> = {};
  if (model.context !== undefined) own.contextWindow = model.context;
  if (model.max_output !== undefined) own.maxOutput = model.max_output;
  if (model.system !== undefined) own.systemRole = model.system;
  // What makes vectors does not answer, unless the file says that too.
  if (model.embeds === true) own.chat = false;
  for (const name of ['tools', 'images', 'reasoning', 'schema', 'prefix', 'chat', 'embeds'] as const) {
    const flag = model[name];
    if (flag !== undefined) own[name] = flag;
  }
  return own;
}

/** Which providers are switched on: by their key variable, by `goblin.yaml`, or found on this machine. */
import type { Provider, Vendor } from '../contract/provider.ts';
import type { ProviderEntry } from '../settings/schema.ts';

export interface RegistryInput {
  env: Readonly<Record<string, string>>;
  entries: Readonly<Record<string, ProviderEntry>>;
  vendors: readonly Vendor[];
  locals: readonly Vendor[];
  /** Whether an address is our own. */
  isOurs(url: URL): boolean;
}

/** What stops the start: one sentence that names the variable or the entry. */
export class ProviderConfigError extends Error {}

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

/** Variables that may hold a provider's key; the first that is set wins. */
export function keyVariablesOf(vendor: Vendor | null, entry: ProviderEntry | undefined): string[] {
  return [
    ...(vendor ? [`MCP_${vendor.variablePrefix}_API_KEY`] : []),
    ...(entry?.key_env ? [entry.key_env] : []),
    ...(vendor?.keyVariables ?? []),
  ];
}

/** Variables that re-point a provider; the first that is set wins. */
export function urlVariablesOf(vendor: Vendor | null): string[] {
  return vendor ? [`MCP_${vendor.variablePrefix}_BASE_URL`, `${vendor.variablePrefix}_BASE_URL`] : [];
}

function fromVendor(input: RegistryInput, vendor: Vendor, entry: ProviderEntry | undefined): Provider | null {
  const { env } = input;
  const keyNames = keyVariablesOf(vendor, entry);
  const keyName = keyNames.find((name) => env[name]);
  const urlName = urlVariablesOf(vendor).find((name) => env[name]);
  const key = keyName ? checkedKey(keyName, env[keyName] as string) : null;
  if (vendor.local) {
    // Only when it was asked for; otherwise it is looked for on its usual port (local.ts).
    if (!urlName && !entry) return null;
  } else if (key === null || (vendor.needsEntry && !entry)) return null;
  const written = (urlName && env[urlName]) || entry?.base_url || vendor.baseUrl;
  const source = urlName ?? (entry?.base_url ? `goblin.yaml: providers.${vendor.name}.base_url` : vendor.name);
  return {
    name: vendor.name,
    title: vendor.title,
    dialect: vendor.dialect,
    baseUrl: checkedUrl(input, source, written, vendor.dialect),
    auth: vendor.auth,
    headers: { ...vendor.headers, ...entry?.headers },
    key,
    quirks: vendor.quirks ?? {},
    vendor,
    free: entry?.free ?? vendor.local ?? false,
    local: vendor.local ?? false,
    models: entry?.models ?? [],
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
  const dialect = entry.dialect ?? 'openai';
  const key = entry.key_env ? checkedKey(entry.key_env, input.env[entry.key_env] as string) : null;
  return {
    name,
    title: name,
    dialect,
    baseUrl: checkedUrl(input, `${place}.base_url`, entry.base_url, dialect),
    auth: key === null ? 'none' : dialect === 'anthropic' ? 'x-api-key' : 'bearer',
    headers: { ...(dialect === 'anthropic' ? { 'anthropic-version': '2023-06-01' } : {}), ...entry.headers },
    key,
    quirks: {},
    vendor: null,
    free: entry.free ?? false,
    local: false,
    models: entry.models ?? [],
    anyModel: false,
  };
}

function checkedKey(name: string, key: string): string {
  if (!/^[\x21-\x7e]+$/.test(key)) {
    throw new ProviderConfigError(`${name} has blanks or characters that no key has; copy the key again.`);
  }
  return key;
}

function checkedUrl(input: RegistryInput, source: string, written: string, dialect: Provider['dialect']): string {
  const example = dialect === 'anthropic' ? 'https://api.anthropic.com' : 'https://api.openai.com/v1';
  const wrong = (why: string) =>
    new ProviderConfigError(`${source} is "${written.slice(0, 200)}", ${why}; write it like ${example}.`);
  if (!URL.canParse(written)) throw wrong('which is not a URL');
  const url = new URL(written);
  if (url.protocol !== 'http:' && url.protocol !== 'https:') throw wrong('which is not http or https');
  if (url.username || url.password) {
    throw new ProviderConfigError(`${source} has a user or password in it; put the key into the key variable instead.`);
  }
  if (url.search || url.hash) throw wrong('which has a query or fragment');
  if (input.isOurs(url)) {
    throw new ProviderConfigError(
      `${source} is "${written}", which is this server itself; point it at the vendor, e.g. ${example}.`,
    );
  }
  const base = url.href.replace(/\/+$/, '');
  // Anthropic's own clients add /v1 themselves, so its address is usually written without.
  return dialect === 'anthropic' && !/\/v1$/.test(url.pathname.replace(/\/+$/, '')) ? `${base}/v1` : base;
}

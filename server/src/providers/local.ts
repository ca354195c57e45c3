/** Model servers on this machine, found on their usual ports and recognised by what they answer. */
import type { Provider, Vendor } from '../contract/provider.ts';
import type { Transport } from './transport.ts';

/** What each answers that nothing else does. Paths are under the address, not under `/v1`. */
const SIGNS: Record<string, { path: string; says(body: unknown, headers: Record<string, string>): boolean }> = {
  ollama: { path: '/api/version', says: (body) => typeof field(body, 'version') === 'string' },
  'lm-studio': {
    path: '/api/v0/models',
    says: (body) => Array.isArray(field(body, 'data')) && field(body, 'object') === 'list',
  },
  'llama-cpp': {
    path: '/props',
    says: (body) =>
      field(body, 'default_generation_settings') !== undefined || field(body, 'chat_template') !== undefined,
  },
  vllm: { path: '/v1/models', says: (body) => allOwnedBy(body, 'vllm') },
  sglang: { path: '/v1/models', says: (body) => allOwnedBy(body, 'sglang') },
};

function allOwnedBy(body: unknown, owner: string): boolean {
  const data = field(body, 'data');
  return Array.isArray(data) && data.length > 0 && data.every((model) => field(model, 'owned_by') === owner);
}

const PROBE_MS = 400;

export interface LocalDeps {
  transport: Transport;
  /** Addresses that are configured already, or our own: not looked at. */
  skip(url: URL): boolean;
  key(vendor: Vendor): string | null;
}

/** Answers those that are there, each with its models. Never throws; a closed port costs a millisecond. */
export async function findLocalServers(vendors: readonly Vendor[], deps: LocalDeps): Promise<Provider[]> {
  const found = await Promise.all(vendors.map((vendor) => probe(vendor, deps).catch(() => null)));
  return found.filter((provider) => provider !== null);
}

async function probe(vendor: Vendor, deps: LocalDeps): Promise<Provider | null> {
  const sign = SIGNS[vendor.name];
  const url = new URL(vendor.baseUrl.replace('//localhost', '//127.0.0.1'));
  if (!sign || deps.skip(url)) return null;
  const provider: Provider = {
    name: vendor.name,
    title: vendor.title,
    dialect: vendor.dialect,
    baseUrl: url.href.replace(/\/+$/, ''),
    reach: 'private',
    auth: vendor.auth,
    headers: {},
    key: deps.key(vendor),
    quirks: vendor.quirks ?? {},
    vendor,
    free: true,
    local: true,
    models: [],
    anyModel: false,
  };
  const origin: Provider = { ...provider, baseUrl: url.origin };
  const answer = await deps.transport.get(origin, sign.path, PROBE_MS);
  // Another control plane answers on vLLM's port too; it is never a model server.
  if (answer.status !== 200 || Object.keys(answer.headers).some((name) => name.startsWith('x-mcp-'))) return null;
  if (!sign.says(JSON.parse(answer.body), answer.headers)) return null;
  const models = await deps.transport.get(provider, '/models', 2000).then(
    (list) => modelIds(JSON.parse(list.body)),
    () => [],
  );
  return { ...provider, models };
}

function field(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[name] : undefined;
}

function modelIds(body: unknown): string[] {
  const data = field(body, 'data');
  if (!Array.isArray(data)) return [];
  return data.map((model) => field(model, 'id')).filter((id) => typeof id === 'string');
}

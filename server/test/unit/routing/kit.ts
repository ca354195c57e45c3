/** Small catalogues and providers for the tests of routing. */
import type { ModelInfo, Price, Provider, ProviderKey, Vendor } from '../../../src/contract/provider.ts';
import { createRouter, type PlanRequest, type RouterSnapshot } from '../../../src/routing/plan.ts';

export interface Shelf {
  /** Price in USD per million tokens, input and output; null means unpriced. */
  price?: readonly [number, number] | null;
  info?: Partial<ModelInfo>;
}

export interface Shop {
  name: string;
  makes?: readonly string[];
  auto?: readonly string[];
  catalogue?: Readonly<Record<string, Shelf>>;
  /** Names that the server itself told. */
  models?: readonly string[];
  local?: boolean;
  free?: boolean;
  anyModel?: boolean;
  /** No row of the catalogue: an own server in goblin.yaml. */
  own?: boolean;
  keys?: readonly ProviderKey[];
  abilities?: Readonly<Record<string, Partial<ModelInfo>>>;
}

export function providerOf(shop: Shop): Provider {
  const vendor: Vendor = {
    name: shop.name,
    title: shop.name,
    dialect: 'openai',
    baseUrl: `https://${shop.name}.example/v1`,
    auth: 'bearer',
    keyVariables: [`${shop.name.toUpperCase()}_API_KEY`],
    variablePrefix: shop.name.toUpperCase(),
    ...(shop.makes === undefined ? {} : { makes: shop.makes }),
  };
  return {
    name: shop.name,
    title: shop.name,
    dialect: 'openai',
    baseUrl: vendor.baseUrl,
    auth: 'bearer',
    headers: {},
    key: 'secret',
    quirks: {},
    vendor: shop.own || shop.anyModel ? null : vendor,
    free: shop.free === true || shop.local === true || shop.anyModel === true,
    local: shop.local === true,
    models: shop.models ?? [],
    anyModel: shop.anyModel === true,
    ...(shop.keys === undefined ? {} : { keys: shop.keys }),
    ...(shop.abilities === undefined ? {} : { abilities: shop.abilities }),
  };
}

export const keyOf = (id: string, more: Partial<ProviderKey> = {}): ProviderKey => ({
  id,
  key: `secret-${id}`,
  weight: 1,
  requestsPerMinute: null,
  tokensPerMinute: null,
  models: null,
  ...more,
});

const infoOf = (id: string, shelf: Shelf): ModelInfo => ({
  id,
  contextWindow: null,
  maxOutput: null,
  tools: null,
  images: null,
  reasoning: null,
  chat: true,
  ...shelf.info,
});

export function snapshotOf(shops: readonly Shop[], more: Partial<RouterSnapshot> = {}): RouterSnapshot {
  const shelf = (vendor: string, model: string): Shelf | undefined => {
    const catalogue = shops.find((shop) => shop.name === vendor)?.catalogue ?? {};
    return Object.hasOwn(catalogue, model) ? catalogue[model] : undefined;
  };
  const prices = new Map<Shelf, Price>();
  return {
    providers: shops.map(providerOf),
    aliases: {},
    tasks: {},
    catalogue: {
      vendorModels: (vendor) => Object.keys(shops.find((shop) => shop.name === vendor)?.catalogue ?? {}),
      lists: (vendor, model) => shelf(vendor, model) !== undefined,
      model(vendor, model) {
        const found = shelf(vendor, model);
        return found === undefined ? null : infoOf(model, found);
      },
      autoModels: (vendor) => shops.find((shop) => shop.name === vendor)?.auto ?? [],
    },
    price(provider, model) {
      const found = shelf(provider.name, model);
      if (!found?.price) return null;
      const [input, output] = found.price;
      const price = prices.get(found) ?? {
        input: { base: Math.round(input * 1e6) },
        output: { base: Math.round(output * 1e6) },
        version: 'test',
      };
      prices.set(found, price);
      return price;
    },
    ...more,
  };
}

export type Ask = Partial<Omit<PlanRequest, 'needs'>> & { needs?: Partial<PlanRequest['needs']> };

export function requestOf(ask: Ask = {}): PlanRequest {
  return {
    taskType: 'chat',
    hints: [],
    at: 1_800_000_000_000,
    ...ask,
    needs: { tools: false, images: false, inputTokens: { least: 1, likely: 6 }, ...ask.needs },
  };
}

/** Plans and shortens: `provider/model` of each target. */
export function planner(shops: readonly Shop[], more: Partial<RouterSnapshot> = {}) {
  const snapshot = snapshotOf(shops, more);
  const router = createRouter(snapshot);
  const plan = (ask?: Ask) => router.plan(requestOf(ask));
  const provider = (name: string): Provider => {
    const found = snapshot.providers.find((one) => one.name === name);
    if (found === undefined) throw new Error(`no shop ${name}`);
    return found;
  };
  return {
    router,
    plan,
    provider,
    targets: (ask?: Ask) => plan(ask).targets.map(({ provider, model }) => `${provider}/${model}`),
    reasons: (ask?: Ask) => plan(ask).targets.map(({ reason }) => reason),
  };
}

/**
 * What we know about vendors' models: names, abilities, limits and prices. The data is read once, by `load`, and only
 * for the vendors that are switched on; everything after that is synchronous and cached.
 */
import type { ModelInfo, Vendor } from '../contract/provider.ts';
import { abilitiesOf } from './abilities.ts';
import { AUTO } from './auto.ts';
import { loadModelFacts, loadPriceData, type ModelFacts, PRICE_DATA_VERSION, type PriceData } from './data.ts';
import { isMovingAlias, looksLikeChat, undated } from './names.ts';
import { type DetailedPrice, exactNamesOf, namesOf, toPrice } from './prices.ts';
import { VENDORS } from './vendors.ts';

export interface Catalogue {
  /** Reads the data of these vendors. Call it again before a vendor that was added is asked about. */
  load(vendorNames: readonly string[]): Promise<void>;
  /** Names of the vendor's models, those that `auto` may choose first. */
  vendorModels(vendorName: string): readonly string[];
  /** Whether the vendor has a model of this name: one of `vendorModels`, another spelling or a dated form of one. */
  lists(vendorName: string, modelId: string): boolean;
  /** Null when nothing is known of the model. */
  model(vendorName: string, modelId: string): ModelInfo | null;
  /** The price at a moment (milliseconds); null means unpriced, never free. */
  price(vendorName: string, modelId: string, at: number): DetailedPrice | null;
  /** Models that `auto` may choose; empty means: choose from all. */
  autoModels(vendorName: string): readonly string[];
}

interface CachedPrice {
  price: DetailedPrice | null;
  /** A price that depends on the time is asked for again every minute; another never. */
  from: number;
  until: number;
}

interface PricedName {
  /** The price data's own id of the model. */
  id: string;
  contextWindow: number | null;
}

interface VendorData {
  vendor: Vendor;
  prices: PriceData | null;
  names: readonly string[];
  /** The names and their other spellings. */
  accepted: ReadonlySet<string>;
  /** The names without their dates. */
  undatedNames: ReadonlySet<string>;
  facts: ReadonlyMap<string, ModelFacts>;
  priced: Map<string, PricedName | null>;
  priceCache: Map<string, CachedPrice>;
  infoCache: Map<string, ModelInfo | null>;
}

const MINUTE = 60_000;
/** Names come from callers: caches of them are bounded, and a longer name is nobody's model. */
const CACHE_LIMIT = 2_000;
const NAME_LIMIT = 200;

/** Names in the price data by which no vendor ever offered a model: prefixes, other sellers' spellings, open weights. */
const NOT_OFFERED: Readonly<Record<string, RegExp>> = {
  openai: /^(ft:|gpt-oss|moderation$|ada$|babbage$|curie$|davinci$|gpt-3\.5-0301$)|\.ft-|:/,
  gemini: /^(?!gemini-|gemma-)|^gemini-(flash|pro)-1\.5/,
  mistral: /:|^mistral-small-(24b|3\.)/,
  deepseek: /^deepseek-(r1|v3|chat-v3)/,
};

/** Corrections of the model data, each with its source. */
const CORRECTIONS: Readonly<Record<string, Partial<ModelInfo>>> = {
  // Listed as text only; takes images since its release (docs.x.ai/docs/models).
  'xai/grok-4': { images: true },
};

function remember<T>(cache: Map<string, T>, key: string, value: T): T {
  if (cache.size >= CACHE_LIMIT) cache.clear();
  cache.set(key, value);
  return value;
}

/** The vendor's rows of the price data, or null when it has none (`findProvider` also guesses by likeness). */
function pricedProvider(vendor: Vendor, prices: PriceData) {
  const id = vendor.priceId ?? vendor.name;
  const found = prices.findProvider({ providerId: id });
  return found?.id === id ? found : null;
}

function collectNames(vendor: Vendor, prices: PriceData | null, facts: readonly ModelFacts[]): string[] {
  const skip = NOT_OFFERED[vendor.name];
  const priced = prices === null ? null : pricedProvider(vendor, prices);
  const seen = new Set<string>();
  const names: string[] = [];
  const add = (name: string): void => {
    const key = name.toLowerCase();
    if (seen.has(key) || name.endsWith('-') || skip?.test(name)) return;
    seen.add(key);
    names.push(name);
  };
  for (const name of AUTO[vendor.name] ?? []) add(name);
  for (const fact of facts) add(fact.id);
  for (const model of priced?.models ?? []) {
    if (!model.deprecated) for (const name of namesOf(model)) add(name);
  }
  return names;
}

function otherSpellings(vendor: Vendor, prices: PriceData | null): string[] {
  const skip = NOT_OFFERED[vendor.name];
  const models = prices === null ? [] : (pricedProvider(vendor, prices)?.models ?? []);
  return models.flatMap(exactNamesOf).filter((name) => !skip?.test(name));
}

async function readVendor(vendor: Vendor): Promise<VendorData> {
  const [prices, facts] = await Promise.all([loadPriceData(), loadModelFacts(vendor.modelsId ?? vendor.name)]);
  const known = pricedProvider(vendor, prices) === null ? null : prices;
  // The names of deployments are the account's: only `goblin.yaml` can tell them.
  const names = vendor.deployments ? [] : collectNames(vendor, known, facts);
  const byName = new Map<string, ModelFacts>();
  // Dated names first, so that an exact name wins over another model's undated form.
  for (const fact of facts) byName.set(undated(fact.id), fact);
  for (const fact of facts) byName.set(fact.id.toLowerCase(), fact);
  return {
    vendor,
    prices: known,
    names,
    accepted: new Set(vendor.deployments ? [] : [...names, ...otherSpellings(vendor, known)]),
    undatedNames: new Set(names.map(undated)),
    facts: byName,
    priced: new Map(),
    priceCache: new Map(),
    infoCache: new Map(),
  };
}

/** Finds a model in the price data. 0.2 ms, so its answers are kept. */
function findPriced(data: VendorData, modelId: string): PricedName | null {
  if (data.prices === null) return null;
  const kept = data.priced.get(modelId);
  if (kept !== undefined) return kept;
  const found = calculate(data, modelId, 0);
  return remember(
    data.priced,
    modelId,
    found === null ? null : { id: found.model.id, contextWindow: found.model.context_window ?? null },
  );
}

function calculate(data: VendorData, modelId: string, at: number) {
  const providerId = data.vendor.priceId ?? data.vendor.name;
  return data.prices?.calcPrice({}, modelId, { providerId, timestamp: new Date(at) }) ?? null;
}

function findPrice(data: VendorData, modelId: string, at: number): CachedPrice {
  const found = calculate(data, modelId, at);
  const price = found === null ? null : toPrice(found.model_price, modelId, PRICE_DATA_VERSION);
  if (found === null || !Array.isArray(found.model.prices)) return { price, from: -Infinity, until: Infinity };
  // Boundaries of conditional prices lie on whole minutes (a test says so), hence one answer serves a minute.
  const from = Math.floor(at / MINUTE) * MINUTE;
  return { price, from, until: from + MINUTE };
}

function describe(data: VendorData, modelId: string): ModelInfo | null {
  const priced = findPriced(data, modelId);
  const fact =
    data.facts.get(modelId.toLowerCase()) ??
    data.facts.get(undated(modelId)) ??
    (priced === null ? undefined : (data.facts.get(priced.id.toLowerCase()) ?? data.facts.get(undated(priced.id))));
  const answers = data.vendor.serves === undefined || data.vendor.serves.includes('answer');
  if (answers && fact === undefined && priced === null && !data.accepted.has(modelId)) return null;

  const moving = isMovingAlias(modelId);
  const input = fact?.modalities?.input;
  const output = fact?.modalities?.output;
  // The model data is the older of the two: of an alias that moves on, it may have denied what is true by now.
  const able = (flag: boolean | undefined): boolean | null => (flag === undefined || (moving && !flag) ? null : flag);
  const factWindow = moving ? 0 : (fact?.limit?.context ?? 0);
  const window = Math.max(factWindow, priced?.contextWindow ?? 0);
  return {
    id: modelId,
    contextWindow: window === 0 ? null : window,
    maxOutput: moving ? null : fact?.limit?.output || null,
    tools: able(fact?.tool_call),
    images: able(input?.includes('image')),
    reasoning: able(fact?.reasoning),
    chat: answers && looksLikeChat(modelId) && input?.includes('text') !== false && output?.includes('text') !== false,
    ...abilitiesOf(data.vendor, modelId),
    ...CORRECTIONS[`${data.vendor.name}/${modelId}`],
  };
}

export function createCatalogue(): Catalogue {
  const loaded = new Map<string, VendorData>();

  /** Undefined for a name that is no vendor of ours. A vendor that was not loaded is our own mistake: it has prices. */
  function dataOf(vendorName: string): VendorData | undefined {
    const data = loaded.get(vendorName);
    if (data === undefined && VENDORS.some((vendor) => vendor.name === vendorName)) {
      throw new Error(`catalogue: load('${vendorName}') before asking about it`);
    }
    return data;
  }

  return {
    async load(vendorNames) {
      const missing = VENDORS.filter((vendor) => vendorNames.includes(vendor.name) && !loaded.has(vendor.name));
      for (const data of await Promise.all(missing.map(readVendor))) loaded.set(data.vendor.name, data);
    },

    vendorModels: (vendorName) => dataOf(vendorName)?.names ?? [],

    lists(vendorName, modelId) {
      const data = dataOf(vendorName);
      if (data === undefined || modelId.length > NAME_LIMIT) return false;
      if (data.accepted.has(modelId)) return true;
      // A maker keeps each model under its date too; others choose their own names.
      const base = undated(modelId);
      return data.vendor.makes !== undefined && base !== modelId.toLowerCase() && data.undatedNames.has(base);
    },

    model(vendorName, modelId) {
      const data = dataOf(vendorName);
      if (data === undefined || modelId.length > NAME_LIMIT) return null;
      const kept = data.infoCache.get(modelId);
      return kept === undefined ? remember(data.infoCache, modelId, describe(data, modelId)) : kept;
    },

    price(vendorName, modelId, at) {
      const data = dataOf(vendorName);
      if (data === undefined || data.prices === null || modelId.length > NAME_LIMIT) return null;
      const kept = data.priceCache.get(modelId);
      if (kept !== undefined && at >= kept.from && at < kept.until) return kept.price;
      return remember(data.priceCache, modelId, findPrice(data, modelId, at)).price;
    },

    autoModels: (vendorName) => (Object.hasOwn(AUTO, vendorName) ? (AUTO[vendorName] ?? []) : []),
  };
}

/** Who offers what: the lists of all configured providers, indexed once for each snapshot of the settings. */
import type { Catalogue } from '../catalogue/models.ts';
import { withOwn } from '../catalogue/own.ts';
import type { ModelInfo, Price, Provider } from '../contract/provider.ts';
import { blend, createPriceSayer } from './cost.ts';
import { hashOf } from './hash.ts';
import type { RouteRule } from './rule.ts';

export interface RouterSnapshot {
  /** All that are switched on, in the order of the configuration. */
  providers: readonly Provider[];
  aliases: Readonly<Record<string, readonly string[]>>;
  /** By task type. */
  tasks: Readonly<Record<string, { model?: string | readonly string[] }>>;
  /** How the lists of `aliases` and `tasks` are ordered; left out: as they stand. */
  routes?: { aliases: Readonly<Record<string, RouteRule>>; tasks: Readonly<Record<string, RouteRule>> };
  catalogue: Pick<Catalogue, 'vendorModels' | 'lists' | 'model' | 'autoModels'>;
  /** The price at a moment (milliseconds); null means not known. Not asked for providers that are free. */
  price(provider: Provider, model: string, at: number): Price | null;
}

/** A place in the order of providers that offer the same: lower is better. */
export const RANK = { maker: 0, priced: 1, unpriced: 2, local: 3, simulator: 4 } as const;
type Rank = (typeof RANK)[keyof typeof RANK];

export interface Offer {
  provider: Provider;
  model: string;
  rank: Rank;
  /** Picodollars for a token of a usual call; infinite when not known. */
  cost: number;
  price: Price | null;
}

/** A provider and one of its models: what a plan is made of. */
export interface Candidate {
  of: Provider;
  provider: string;
  model: string;
  /** `provider/model`. */
  key: string;
  hash: number;
  info: ModelInfo | null;
}

export interface Offers {
  candidate(provider: Provider, model: string): Candidate;
  /** The offer as of this minute. */
  offerNow(candidate: Candidate, at: number): Offer;
  find(name: string): Provider | undefined;
  /** Providers whose lists hold this name. */
  listing(name: string): readonly Provider[];
  lists(provider: Provider, model: string): boolean;
  /** All names in the lists, and who lists them. */
  listings(): ReadonlyMap<string, readonly Provider[]>;
  info(provider: Provider, model: string): ModelInfo | null;
  offer(provider: Provider, model: string, at: number): Offer;
  sayPrice(price: Price): string;
}

/** As many candidates and offers are kept; then all are made anew. */
const MOST_KEPT = 10_000;
const MINUTE = 60_000;

export const byOffer = (a: Offer, b: Offer): number => a.rank - b.rank || (a.cost === b.cost ? 0 : a.cost - b.cost);

const makes = (provider: Provider, model: string): boolean => {
  const prefixes = provider.vendor?.makes;
  if (prefixes === undefined) return false;
  const name = model.toLowerCase();
  return prefixes.some((prefix) => name.startsWith(prefix));
};

export function createOffers(snapshot: RouterSnapshot): Offers {
  const { providers, catalogue } = snapshot;
  const byName = new Map(providers.map((provider) => [provider.name, provider]));
  let index: Map<string, Provider[]> | undefined;
  const candidates = new Map<string, Map<string, Candidate>>();
  let size = 0;
  let minute = Number.NaN;
  const offered = new Map<string, Offer>();

  /** Local servers have no rows in the catalogue: what they offer is what they answered. */
  const catalogued = (provider: Provider): string | null =>
    provider.vendor === null || provider.local ? null : provider.vendor.name;

  function listed(): Map<string, Provider[]> {
    if (index !== undefined) return index;
    index = new Map();
    for (const provider of providers) {
      const vendor = catalogued(provider);
      const names = new Set([...provider.models, ...(vendor === null ? [] : catalogue.vendorModels(vendor))]);
      for (const name of names) {
        const others = index.get(name);
        if (others === undefined) index.set(name, [provider]);
        else others.push(provider);
      }
    }
    return index;
  }

  function lists(provider: Provider, model: string): boolean {
    const vendor = catalogued(provider);
    return listed().get(model)?.includes(provider) === true || (vendor !== null && catalogue.lists(vendor, model));
  }

  /** What `goblin.yaml` says of a model comes before what the catalogue knows. */
  function info(provider: Provider, model: string): ModelInfo | null {
    const vendor = catalogued(provider);
    const known = vendor === null ? null : catalogue.model(vendor, model);
    return withOwn(provider, model, known);
  }

  /** Callers may ask for names that nobody has heard of, so what is kept has a bound. */
  function candidate(provider: Provider, model: string): Candidate {
    let models = candidates.get(provider.name);
    const known = models?.get(model);
    if (known !== undefined) return known;
    if (size >= MOST_KEPT) {
      candidates.clear();
      models = undefined;
      size = 0;
    }
    if (models === undefined) {
      models = new Map();
      candidates.set(provider.name, models);
    }
    const key = `${provider.name}/${model}`;
    const made: Candidate = {
      of: provider,
      provider: provider.name,
      model,
      key,
      hash: hashOf(key),
      info: info(provider, model),
    };
    models.set(model, made);
    size++;
    return made;
  }

  function offer(provider: Provider, model: string, at: number): Offer {
    const price = provider.free ? null : snapshot.price(provider, model, at);
    const cost = provider.free ? 0 : price === null ? Number.POSITIVE_INFINITY : blend(price);
    let rank: Rank = price === null ? RANK.unpriced : RANK.priced;
    if (makes(provider, model)) rank = RANK.maker;
    if (provider.local) rank = RANK.local;
    else if (provider.free) rank = RANK.simulator;
    return { provider, model, rank, cost, price };
  }

  return {
    candidate,
    offer,
    info,
    find: (name) => byName.get(name),
    lists,

    offerNow(of, at) {
      const now = Math.floor(at / MINUTE);
      if (now !== minute || offered.size >= MOST_KEPT) {
        offered.clear();
        minute = now;
      }
      let found = offered.get(of.key);
      if (found === undefined) {
        found = offer(of.of, of.model, at);
        offered.set(of.key, found);
      }
      return found;
    },

    listing(name) {
      const found = listed().get(name) ?? [];
      // Other spellings and dated names of a model are in no list.
      const more = providers.filter((provider) => {
        const vendor = catalogued(provider);
        return vendor !== null && !found.includes(provider) && catalogue.lists(vendor, name);
      });
      return more.length === 0 ? found : [...found, ...more];
    },

    listings: () => listed(),
    sayPrice: createPriceSayer(),
  };
}

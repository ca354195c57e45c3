/** Who offers what: the lists of all configured providers, indexed once for each snapshot of the settings. */
import type { Catalogue } from '../catalogue/models.ts';
import type { ModelInfo, Price, Provider } from '../contract/provider.ts';
import { blend, createPriceSayer } from './cost.ts';

export interface RouterSnapshot {
  /** All that are switched on, in the order of the configuration. */
  providers: readonly Provider[];
  aliases: Readonly<Record<string, readonly string[]>>;
  /** By task type. */
  tasks: Readonly<Record<string, { model?: string | readonly string[] }>>;
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

export interface Offers {
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

  return {
    find: (name) => byName.get(name),
    lists,

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

    info(provider, model) {
      const vendor = catalogued(provider);
      return vendor === null ? null : catalogue.model(vendor, model);
    },

    offer(provider, model, at) {
      const price = provider.free ? null : snapshot.price(provider, model, at);
      const cost = provider.free ? 0 : price === null ? Number.POSITIVE_INFINITY : blend(price);
      let rank: Rank = price === null ? RANK.unpriced : RANK.priced;
      if (makes(provider, model)) rank = RANK.maker;
      if (provider.local) rank = RANK.local;
      else if (provider.free) rank = RANK.simulator;
      return { provider, model, rank, cost, price };
    },

    sayPrice: createPriceSayer(),
  };
}

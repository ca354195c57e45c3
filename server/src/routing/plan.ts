/** Which targets a request may go to, in which order and why. Pure: settings in, decisions out. */
import { GoblinError } from '../contract/errors.ts';
import type { PlannedTarget, Provider } from '../contract/provider.ts';
import { type Dropped, describeLack, type Lack, lackOf, type Needs, nothingAble } from './able.ts';
import { createAuto } from './auto.ts';
import {
  isKnownVendor,
  noProvider,
  notConfigured,
  nothingForAuto,
  quote,
  unknownHint,
  unknownModel,
} from './errors.ts';
import { byOffer, createOffers, type Offer, RANK, type RouterSnapshot } from './offers.ts';

export type { RouterSnapshot } from './offers.ts';

export interface PlanRequest {
  /** As the caller wrote it; left out or `auto` means that we choose. */
  model?: string;
  taskType: string;
  /** Names of providers to put first, in this order. */
  hints: readonly string[];
  needs: Needs;
  /** Now, in milliseconds: prices may depend on the time of day. */
  at: number;
}

export interface Plan {
  /** Never empty. */
  targets: PlannedTarget[];
  /** What would have stood there, had it been able. */
  dropped: Dropped[];
}

export interface Router {
  /** Throws `unknown_model`, `no_provider`, `context_too_long`, `unsupported_by_target` or `invalid_request`. */
  plan(request: PlanRequest): Plan;
  /** Every model that a configured provider lists. */
  models(): { provider: string; model: string }[];
}

interface Target extends PlannedTarget {
  of: Provider;
}

interface Draft {
  targets: Target[];
  dropped: (Dropped & { lack?: Lack })[];
}

const ordinal = (place: number): string => `${place}${['th', 'st', 'nd', 'rd'][place] ?? 'th'}`;

/** One router for each snapshot of the settings: its indexes are built at the first plan that needs them. */
export function createRouter(snapshot: RouterSnapshot): Router {
  const { providers } = snapshot;
  const aliases = new Map(Object.entries(snapshot.aliases));
  const tasks = new Map(Object.entries(snapshot.tasks));
  const offers = createOffers(snapshot);
  const auto = createAuto(snapshot, offers);
  const only = providers.length === 1 ? providers[0] : undefined;

  const target = (of: Provider, model: string, reason: string): Target => ({ of, provider: of.name, model, reason });

  /** `provider/model`, where the left side is configured. */
  function exact(provider: Provider, model: string, whole: string): Target {
    if (model === '') throw new GoblinError('unknown_model', `Name a model after ${quote(`${provider.name}/`)}.`);
    // Some vendors' own names begin with their name: `nvidia/nemotron-…`, `openrouter/auto`.
    const name = offers.lists(provider, whole) && !offers.lists(provider, model) ? whole : model;
    return target(provider, name, 'asked for by name');
  }

  function reasonOf(offer: Offer, place: number): string {
    if (offer.rank === RANK.maker) return 'the maker of this model';
    if (offer.rank === RANK.local) return 'a local server that has it';
    if (offer.price === null) return offer.provider.free ? 'offers it free of charge' : 'offers it, price unknown';
    return `${place === 0 ? 'cheapest that offers it' : 'offers it'}: ${offers.sayPrice(offer.price)}`;
  }

  /** All who list this name: its maker, then by price, local servers last. */
  function bare(listing: readonly Provider[], name: string, at: number): Target[] {
    const found = listing.map((provider) => offers.offer(provider, name, at)).sort(byOffer);
    const makers = found.filter((offer) => offer.rank === RANK.maker).length;
    return found.map((offer, place) => target(offer.provider, offer.model, reasonOf(offer, place - makers)));
  }

  function byAuto(request: PlanRequest): Draft {
    const { targets, dropped } = auto.choose(request.needs, request.hints, request.at);
    return {
      targets: targets.map((planned) => ({ ...planned, of: offers.find(planned.provider) as Provider })),
      dropped,
    };
  }

  /** The items of an alias or a route, each by its own rules, in their order. */
  function inOrder(items: readonly string[], label: string, request: PlanRequest, expanded: Set<string>): Draft {
    const draft: Draft = { targets: [], dropped: [] };
    for (const [place, item] of items.entries()) {
      const reason = items.length === 1 ? label : `${label}, ${ordinal(place + 1)}`;
      try {
        const part = named(item, request, expanded);
        for (const found of part.targets) draft.targets.push({ ...found, reason });
        draft.dropped.push(...part.dropped);
      } catch (error) {
        // One name that nobody offers does not spoil the rest of the list.
        if (!(error instanceof GoblinError) || error.code !== 'unknown_model') throw error;
        draft.dropped.push({ provider: '', model: item, reason: error.detail });
      }
    }
    if (draft.targets.length === 0 && draft.dropped.every(({ lack }) => lack === undefined)) {
      const why = draft.dropped.map(({ reason }) => reason).join(' ');
      throw new GoblinError('unknown_model', `Nothing that ${label} names is available. ${why}`.trim());
    }
    return draft;
  }

  /**
   * An alias is expanded once in a plan. Met again, also in its own list, its name means a model: `gpt-4o: [gpt-4o,
   * claude-sonnet-5]` is a usual way to give a model a second.
   */
  function named(name: string, request: PlanRequest, expanded: Set<string>): Draft {
    if (name === 'auto') return byAuto(request);
    const items = aliases.get(name);
    if (items !== undefined && !expanded.has(name)) {
      expanded.add(name);
      return inOrder(items, `alias ${name}`, request, expanded);
    }
    const slash = name.indexOf('/');
    const left = slash > 0 ? name.slice(0, slash) : '';
    const provider = left === '' ? undefined : offers.find(left);
    if (provider !== undefined) return { targets: [exact(provider, name.slice(slash + 1), name)], dropped: [] };
    // Names of models contain slashes too (`openai/gpt-oss-20b` at Groq): what is listed whole comes before a refusal.
    const listing = offers.listing(name);
    if (listing.length > 0) return { targets: bare(listing, name, request.at), dropped: [] };
    if (items !== undefined) return { targets: [], dropped: [] };
    if (isKnownVendor(left)) throw notConfigured(left, providers);
    throw unknownModel(name, [...aliases.keys(), ...offers.listings().keys()], providers);
  }

  function chosen(request: PlanRequest): Draft {
    const name = request.model ?? 'auto';
    // The simulator answers any name while nothing else is configured.
    if (only?.anyModel) {
      const own = `${only.name}/`;
      const model = name === 'auto' ? (only.models[0] ?? only.name) : name;
      const reason = 'the simulator answers, for want of a vendor';
      return { targets: [target(only, model.startsWith(own) ? model.slice(own.length) : model, reason)], dropped: [] };
    }
    if (name !== 'auto') return named(name, request, new Set());
    const route = tasks.get(request.taskType)?.model;
    if (route === undefined) return byAuto(request);
    return inOrder(typeof route === 'string' ? [route] : route, `task type ${request.taskType}`, request, new Set());
  }

  function checkHints(hints: readonly string[]): void {
    for (const hint of hints) if (offers.find(hint) === undefined) throw unknownHint(hint, providers);
  }

  /** Hinted providers first, in the order of the hints; the rest keep their places. */
  function byHints(targets: Target[], hints: readonly string[]): Target[] {
    if (hints.length === 0) return targets;
    const place = (found: Target): number => {
      const at = hints.indexOf(found.provider);
      return at === -1 ? hints.length : at;
    };
    return [...targets].sort((a, b) => place(a) - place(b));
  }

  return {
    plan(request) {
      if (providers.length === 0) throw noProvider();
      checkHints(request.hints);
      const draft = chosen(request);
      const seen = new Set<string>();
      const targets: PlannedTarget[] = [];
      const dropped: Draft['dropped'] = [...draft.dropped];
      for (const { of, provider, model, reason } of byHints(draft.targets, request.hints)) {
        const key = `${provider}/${model}`;
        if (seen.has(key)) continue;
        seen.add(key);
        const info = offers.info(of, model);
        const lack = lackOf(info, request.needs);
        if (lack === null) targets.push({ provider, model, reason });
        else dropped.push({ provider, model, reason: describeLack(lack, info, request.needs), lack });
      }
      if (targets.length === 0) {
        const unable = dropped.filter((one): one is Dropped & { lack: Lack } => one.lack !== undefined);
        throw unable.length === 0 ? nothingForAuto(providers) : nothingAble(unable);
      }
      return { targets, dropped: dropped.map(({ provider, model, reason }) => ({ provider, model, reason })) };
    },

    models() {
      return [...offers.listings()].flatMap(([model, listing]) =>
        listing.map((provider) => ({ provider: provider.name, model })),
      );
    },
  };
}

/** From what a caller asked for to the targets that it means, in their order. */
import { GoblinError } from '../contract/errors.ts';
import type { Provider } from '../contract/provider.ts';
import type { FailoverMode } from '../contract/states.ts';
import type { Dropped, Lack } from './able.ts';
import { createAuto } from './auto.ts';
import { isKnownVendor, notConfigured, nothingMakesVectors, nothingToEmbed, quote, unknownModel } from './errors.ts';
import { hasKeyFor } from './keys.ts';
import { byOffer, type Candidate, type Offer, type Offers, RANK, type RouterSnapshot } from './offers.ts';
import { type PlanRequest, seedOf } from './request.ts';
import type { RouteRule } from './rule.ts';
import { type Draft, rank, type Scales } from './score.ts';

export interface Found {
  /** Each target once. */
  drafts: Draft[];
  dropped: (Dropped & { lack?: Lack })[];
  /** The same for every request of this minute. */
  settled: boolean;
  failover?: FailoverMode;
  /** One of the routes on the way keeps its requests out of the response cache. */
  cache?: false;
}

/** One name, and all who offer it, as of a minute: prices hold for that long at least. */
interface Known {
  minute: number;
  drafts: readonly Draft[];
}

const MINUTE = 60_000;
/** Names that are kept with their offers; then all are looked up anew. */
const MOST_KNOWN = 1000;

const ordinal = (place: number): string => `${place}${['th', 'st', 'nd', 'rd'][place] ?? 'th'}`;

const one = (draft: Draft): Found => ({ drafts: [draft], dropped: [], settled: true });

/** Throws `unknown_model`. */
export type Resolve = (request: PlanRequest) => Found;

/** Its indexes are built at the first plan that needs them. */
export function createResolve(snapshot: RouterSnapshot, offers: Offers): Resolve {
  const { providers } = snapshot;
  const aliases = new Map(Object.entries(snapshot.aliases));
  const tasks = new Map(Object.entries(snapshot.tasks));
  const rules = {
    aliases: new Map(Object.entries(snapshot.routes?.aliases ?? {})),
    tasks: new Map(Object.entries(snapshot.routes?.tasks ?? {})),
  };
  const auto = createAuto(snapshot, offers);
  const only = providers.length === 1 ? providers[0] : undefined;

  const known = new Map<string, Known>();
  const lists = new Map<string, { minute: number; found: Found }>();

  const target = (of: Provider, model: string, reason: string): Draft => ({
    candidate: offers.candidate(of, model),
    reason,
    item: '',
  });

  /** `provider/model`, where the left side is configured. */
  function exact(provider: Provider, model: string, whole: string): Draft {
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

  /** All who list this name: its maker, then by price, local servers last. Empty when nobody does. */
  function bare(name: string, at: number): readonly Draft[] {
    const minute = Math.floor(at / MINUTE);
    const kept = known.get(name);
    if (kept?.minute === minute) return kept.drafts;
    const listing = offers.listing(name);
    if (listing.length === 0) return [];
    const found = listing.map((provider) => offers.offer(provider, name, at)).sort(byOffer);
    const makers = found.filter((offer) => offer.rank === RANK.maker).length;
    const drafts = found.map((offer, place) => target(offer.provider, offer.model, reasonOf(offer, place - makers)));
    if (known.size >= MOST_KNOWN) known.clear();
    known.set(name, { minute, drafts });
    return drafts;
  }

  function byAuto(request: PlanRequest): Found {
    // Vectors of one model cannot be compared with those of another: that choice is the caller's.
    if (request.needs.embeds) throw nothingToEmbed(embeddingModels());
    const { forbids, health } = request;
    const usable = (candidate: Candidate): boolean =>
      (forbids?.(candidate.provider, candidate.model) ?? null) === null &&
      hasKeyFor(candidate.of, candidate.model) &&
      (health === undefined || health.calm(candidate) || health.trouble(candidate) === null);
    const { targets, dropped } = auto.choose(request.needs, request.hints, request.at, usable);
    return { drafts: targets.map((planned) => ({ ...planned, item: '' })), dropped, settled: false };
  }

  function* embeddingModels(): Generator<string> {
    for (const [model, listing] of offers.listings()) {
      for (const provider of listing) {
        if (offers.info(provider, model)?.embeds) yield `${provider.name}/${model}`;
      }
    }
  }

  function scalesOf(request: PlanRequest): Scales {
    const { health, conversation, at } = request;
    return {
      seed: seedOf(request),
      stuck: health === undefined || conversation == null ? null : health.stuck(conversation),
      measure: (candidate) => health?.measure(candidate) ?? null,
      cost(candidate) {
        const { cost, price } = offers.offerNow(candidate, at);
        return { cost, say: price !== null ? offers.sayPrice(price) : cost === 0 ? 'free of charge' : 'price unknown' };
      },
    };
  }

  /** The items of an alias or a route, each by its own rules, then by the route's. */
  function inOrder(
    items: readonly string[],
    label: string,
    rule: RouteRule | undefined,
    request: PlanRequest,
    expanded: Set<string>,
  ): Found {
    const found = listed(items, label, request, expanded);
    if (rule === undefined) return found;
    const drafts = rank(found.drafts, rule, scalesOf(request));
    const { cache, failover } = rule;
    const settled = found.settled && drafts === found.drafts;
    return {
      ...found,
      drafts,
      settled,
      ...(failover === undefined ? {} : { failover }),
      ...(cache === undefined ? {} : { cache }),
    };
  }

  /** Lists that say the same to every request are worked out once a minute: they may be long. */
  function listed(items: readonly string[], label: string, request: PlanRequest, expanded: Set<string>): Found {
    const minute = Math.floor(request.at / MINUTE);
    const outermost = expanded.size <= 1;
    const kept = outermost ? lists.get(label) : undefined;
    if (kept?.minute === minute) return kept.found;
    const found: Found = { drafts: [], dropped: [], settled: true };
    const seen = new Set<string>();
    for (const [place, item] of items.entries()) {
      const reason = items.length === 1 ? label : `${label}, ${ordinal(place + 1)}`;
      try {
        const part = named(item, request, expanded);
        for (const { candidate } of part.drafts) {
          if (seen.has(candidate.key)) continue;
          seen.add(candidate.key);
          found.drafts.push({ candidate, reason, item });
        }
        found.dropped.push(...part.dropped);
        if (!part.settled) found.settled = false;
        if (part.cache === false) found.cache = false;
      } catch (error) {
        // One name that nobody offers does not spoil the rest of the list.
        if (!(error instanceof GoblinError) || error.code !== 'unknown_model') throw error;
        found.dropped.push({ provider: '', model: item, reason: error.detail });
      }
    }
    if (found.drafts.length === 0 && found.dropped.every(({ lack }) => lack === undefined)) {
      const why = found.dropped.map(({ reason }) => reason).join(' ');
      throw new GoblinError('unknown_model', `Nothing that ${label} names is available. ${why}`.trim());
    }
    if (outermost && found.settled) lists.set(label, { minute, found });
    return found;
  }

  /**
   * An alias is expanded once in a plan. Met again, also in its own list, its name means a model: `gpt-4o: [gpt-4o,
   * claude-sonnet-5]` is a usual way to give a model a second.
   */
  function named(name: string, request: PlanRequest, expanded: Set<string>): Found {
    if (name === 'auto') return byAuto(request);
    const items = aliases.get(name);
    if (items !== undefined && !expanded.has(name)) {
      expanded.add(name);
      return inOrder(items, `alias ${name}`, rules.aliases.get(name), request, expanded);
    }
    const slash = name.indexOf('/');
    const left = slash > 0 ? name.slice(0, slash) : '';
    const provider = left === '' ? undefined : offers.find(left);
    if (provider !== undefined) return one(exact(provider, name.slice(slash + 1), name));
    // Names of models contain slashes too (`openai/gpt-oss-20b` at Groq): what is listed whole comes before a refusal.
    const listing = bare(name, request.at);
    if (listing.length > 0) return { drafts: [...listing], dropped: [], settled: true };
    if (items !== undefined) return { drafts: [], dropped: [], settled: true };
    if (isKnownVendor(left)) throw notConfigured(left, providers);
    throw unknownModel(name, [...aliases.keys(), ...offers.listings().keys()], providers);
  }

  return (request) => {
    const name = request.model ?? 'auto';
    // The simulator answers any name while nothing else is configured.
    if (only?.anyModel) {
      if (request.needs.embeds) throw nothingMakesVectors();
      const own = `${only.name}/`;
      const model = name === 'auto' ? (only.models[0] ?? only.name) : name;
      const reason = 'the simulator answers, for want of a vendor';
      return one(target(only, model.startsWith(own) ? model.slice(own.length) : model, reason));
    }
    if (name !== 'auto') return named(name, request, new Set());
    const { taskType } = request;
    const route = tasks.get(taskType)?.model;
    if (route === undefined) return byAuto(request);
    const items = typeof route === 'string' ? [route] : route;
    return inOrder(items, `task type ${taskType}`, rules.tasks.get(taskType), request, new Set());
  };
}

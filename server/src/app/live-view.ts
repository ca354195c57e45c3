/** Providers as one tenant may use them, and the router over them. */
import type { Catalogue } from '../catalogue/models.ts';
import { GoblinError } from '../contract/errors.ts';
import type { ModelInfo, Price, Provider } from '../contract/provider.ts';
import type { ModelLists } from '../providers/lists.ts';
import { createRouter, type Plan, type PlanRequest, type Router } from '../routing/plan.ts';
import type { Settings } from '../settings/settings.ts';

export interface ListedModel {
  id: string;
  provider: string;
  info: ModelInfo | null;
  price: Price | 'free' | null;
}

export interface LiveView {
  providers(): readonly Provider[];
  provider(name: string): Provider | null;
  /** Throws `unavailable` for a provider that would be there if its stored keys could be opened. */
  refuseUnreadable(name: string): void;
  /** A promise only when a name is not known yet and the vendors must be asked for their lists. */
  plan(request: PlanRequest): Plan | Promise<Plan>;
  /** Plans with what is known now. */
  planNow(request: PlanRequest): Plan;
  /** Every model that can be asked for, the vendors' own lists included. */
  models(): Promise<ListedModel[]>;
}

export interface LiveViewDeps {
  providers: readonly Provider[];
  /** Those that would be there if their stored keys could be opened. */
  unreadable: readonly Provider[];
  settings: Settings;
  catalogue: Catalogue;
  lists: ModelLists;
  /** Providers at another address than their vendor's, whose lists nobody has asked for yet; emptied by the first who does. */
  moved: Provider[];
  info(provider: Provider, model: string): ModelInfo | null;
  price(provider: Provider, model: string, at?: number): Price | null;
}

/** What is said when a provider is not there. */
const FOR_WANT: ReadonlySet<string> = new Set(['unknown_model', 'no_provider', 'invalid_request']);

const keyUnreadable = (name: string): GoblinError =>
  new GoblinError(
    'unavailable',
    `The stored key of the provider ${name} cannot be read by this server, which lacks the secret that sealed it; whoever runs the server must see to it (goblin doctor says what to do).`,
  );

export function createLiveView(deps: LiveViewDeps): LiveView {
  const { providers, unreadable, settings, catalogue, lists, moved, info, price } = deps;
  const byName = new Map(providers.map((provider) => [provider.name, provider]));
  let router: { router: Router; version: number } | null = null;
  let withAll: Router | null = null;

  function current(): Router {
    if (router && router.version === lists.version()) return router.router;
    const listed = providers.map((provider) => {
      const known = lists.known(provider);
      return known.length === 0 ? provider : { ...provider, models: [...new Set([...provider.models, ...known])] };
    });
    router = { version: lists.version(), router: routerOver(listed) };
    return router.router;
  }

  function routerOver(over: readonly Provider[]): Router {
    const { aliases, tasks, routes } = settings;
    return createRouter({ providers: over, aliases, tasks, routes, catalogue, price });
  }

  /** As the router says it, unless the call would have had a target if every stored key could be opened. */
  function refusal(error: unknown, request: PlanRequest): unknown {
    const [first] = unreadable;
    if (first === undefined || !(error instanceof GoblinError) || !FOR_WANT.has(error.code)) return error;
    // There is nothing else, whatever was asked for.
    if (error.code === 'no_provider' && providers.length === 0) return keyUnreadable(first.name);
    const { health: _health, ...wanted } = request;
    try {
      withAll ??= routerOver([...providers, ...unreadable]);
      const { targets } = withAll.plan(wanted);
      const lost = targets.find(({ provider }) => unreadable.some(({ name }) => name === provider));
      return lost ? keyUnreadable(lost.provider) : error;
    } catch {
      return error;
    }
  }

  function planNow(request: PlanRequest): Plan {
    try {
      return current().plan(request);
    } catch (error) {
      throw refusal(error, request);
    }
  }

  return {
    providers: () => providers,
    provider: (name) => byName.get(name) ?? null,
    refuseUnreadable(name) {
      if (!byName.has(name) && unreadable.some((one) => one.name === name)) throw keyUnreadable(name);
    },
    planNow,
    plan(request) {
      // A vendor at another address may have other models: its list comes before the first choice of ours.
      if ((request.model === undefined || request.model === 'auto') && moved.length > 0) {
        const asked = moved.splice(0);
        return lists.refresh(asked).then(() => planNow(request));
      }
      try {
        return current().plan(request);
      } catch (error) {
        if (!(error instanceof GoblinError) || error.code !== 'unknown_model') throw refusal(error, request);
        const before = lists.version();
        return lists.refresh(providers).then(() => {
          if (lists.version() === before) throw refusal(error, request);
          return planNow(request);
        });
      }
    },
    async models() {
      await lists.refresh(providers);
      return current()
        .models()
        .map(({ provider, model }) => {
          const by = byName.get(provider);
          return {
            id: `${provider}/${model}`,
            provider,
            info: by ? info(by, model) : null,
            price: by?.free ? 'free' : by ? price(by, model) : null,
          };
        });
    },
  };
}

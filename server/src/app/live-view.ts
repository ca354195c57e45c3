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
  /** A promise only when a name is not known yet and the vendors must be asked for their lists. */
  plan(request: PlanRequest): Plan | Promise<Plan>;
  /** Plans with what is known now. */
  planNow(request: PlanRequest): Plan;
  /** Every model that can be asked for, the vendors' own lists included. */
  models(): Promise<ListedModel[]>;
}

export interface LiveViewDeps {
  providers: readonly Provider[];
  settings: Settings;
  catalogue: Catalogue;
  lists: ModelLists;
  /** Providers at another address than their vendor's, whose lists nobody has asked for yet; emptied by the first who does. */
  moved: Provider[];
  info(provider: Provider, model: string): ModelInfo | null;
  price(provider: Provider, model: string, at?: number): Price | null;
}

export function createLiveView({ providers, settings, catalogue, lists, moved, info, price }: LiveViewDeps): LiveView {
  const byName = new Map(providers.map((provider) => [provider.name, provider]));
  let router: { router: Router; version: number } | null = null;

  function current(): Router {
    if (router && router.version === lists.version()) return router.router;
    const listed = providers.map((provider) => {
      const known = lists.known(provider);
      return known.length === 0 ? provider : { ...provider, models: [...new Set([...provider.models, ...known])] };
    });
    const { aliases, tasks, routes } = settings;
    router = {
      version: lists.version(),
      router: createRouter({ providers: listed, aliases, tasks, routes, catalogue, price }),
    };
    return router.router;
  }

  return {
    providers: () => providers,
    provider: (name) => byName.get(name) ?? null,
    planNow: (request) => current().plan(request),
    plan(request) {
      // A vendor at another address may have other models: its list comes before the first choice of ours.
      if ((request.model === undefined || request.model === 'auto') && moved.length > 0) {
        const asked = moved.splice(0);
        return lists.refresh(asked).then(() => current().plan(request));
      }
      try {
        return current().plan(request);
      } catch (error) {
        if (!(error instanceof GoblinError) || error.code !== 'unknown_model') throw error;
        const before = lists.version();
        return lists.refresh(providers).then(() => {
          if (lists.version() === before) throw error;
          return current().plan(request);
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

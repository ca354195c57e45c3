/** What is configured at this moment: providers and the router over them. One immutable snapshot, swapped whole. */
import { createCatalogue } from '../catalogue/models.ts';
import { withOwn } from '../catalogue/own.ts';
import { LOCAL_VENDORS, VENDORS } from '../catalogue/vendors.ts';
import type { Dialect } from '../contract/dialect.ts';
import { GoblinError } from '../contract/errors.ts';
import type { ModelInfo, Price, Provider } from '../contract/provider.ts';
import { DIALECTS } from '../dialects/index.ts';
import { ratesFromSettings } from '../money/cost.ts';
import { createModelLists } from '../providers/lists.ts';
import { findLocalServers } from '../providers/local.ts';
import { configuredProviders } from '../providers/registry.ts';
import { withSigner } from '../providers/signers.ts';
import type { Transport } from '../providers/transport.ts';
import { createRouter, type Plan, type PlanRequest, type Router } from '../routing/plan.ts';
import type { Settings } from '../settings/settings.ts';

/** How often local servers are looked for again. */
const LOOK_MS = 30_000;

export interface Live {
  providers(): readonly Provider[];
  provider(name: string): Provider | null;
  dialect(provider: Provider): Dialect;
  info(provider: Provider, model: string): ModelInfo | null;
  price(provider: Provider, model: string): Price | null;
  /** A promise only when a name is not known yet and the vendors must be asked for their lists. */
  plan(request: PlanRequest): Plan | Promise<Plan>;
  /** Plans with what is known now. */
  planNow(request: PlanRequest): Plan;
  /** Every model that can be asked for, the vendors' own lists included. */
  models(): Promise<{ id: string; provider: string; info: ModelInfo | null; price: Price | 'free' | null }[]>;
  close(): void;
}

export interface LiveInput {
  env: Readonly<Record<string, string>>;
  settings: Settings;
  transport: Transport;
  isOurs(url: URL): boolean;
  /** Whether the simulator is offered: never, for want of any provider, or always. Started when it is first needed. */
  simulator: { when: 'never' | 'alone' | 'always'; open(): Promise<Provider> };
}

const isHome = (provider: Provider): boolean =>
  new URL(provider.baseUrl).host === new URL(provider.vendor?.baseUrl ?? provider.baseUrl).host;

/** Throws `ProviderConfigError` for a wrong key, base URL or entry. */
export async function createLive(input: LiveInput): Promise<Live> {
  const { settings, transport } = input;
  const dialect = (provider: Provider): Dialect => DIALECTS[provider.dialect];
  const configured = configuredProviders({
    env: input.env,
    entries: settings.providers,
    vendors: VENDORS,
    locals: LOCAL_VENDORS,
    isOurs: input.isOurs,
  }).map((provider) => withSigner(provider, { env: input.env, fetch: transport.fetch }));
  const lists = createModelLists(transport, dialect);
  const catalogue = createCatalogue();
  const overrides = new Map(Object.entries(settings.prices).map(([name, rates]) => [name, ratesFromSettings(rates)]));
  const moved = configured.filter((provider) => provider.vendor !== null && !provider.local && !isHome(provider));
  let local: Provider[] = [];
  let router: { router: Router; version: number } | null = null;
  let all: readonly Provider[] = [];

  const price = (provider: Provider, model: string, at: number = Date.now()): Price | null =>
    overrides.get(`${provider.name}/${model}`) ??
    (provider.vendor && !provider.local ? catalogue.price(provider.vendor.name, model, at) : null);

  const info = (provider: Provider, model: string): ModelInfo | null =>
    withOwn(provider, model, provider.vendor && !provider.local ? catalogue.model(provider.vendor.name, model) : null);

  async function swap(): Promise<void> {
    const real = [...configured, ...local];
    const { when, open } = input.simulator;
    const stand = when === 'always' || (when === 'alone' && real.length === 0) ? await open() : null;
    await catalogue.load(
      real.flatMap((provider) => (provider.vendor && !provider.local ? [provider.vendor.name] : [])),
    );
    all = stand ? [...real, stand] : real;
    router = null;
  }

  function current(): Router {
    if (router && router.version === lists.version()) return router.router;
    const providers = all.map((provider) => {
      const listed = lists.known(provider);
      return listed.length === 0 ? provider : { ...provider, models: [...new Set([...provider.models, ...listed])] };
    });
    router = {
      version: lists.version(),
      router: createRouter({
        providers,
        aliases: settings.aliases,
        tasks: settings.tasks,
        routes: settings.routes,
        catalogue,
        price,
      }),
    };
    return router.router;
  }

  async function findLocal(): Promise<Provider[]> {
    if (!settings.localServers) return [];
    const taken = new Set(
      configured.map((provider) => new URL(provider.baseUrl).host.replace('localhost', '127.0.0.1')),
    );
    const wanted = LOCAL_VENDORS.filter(
      (vendor) => settings.providers[vendor.name]?.enabled !== false && !configured.some((p) => p.name === vendor.name),
    );
    return await findLocalServers(wanted, {
      transport,
      skip: (url) => input.isOurs(url) || taken.has(url.host),
      key: (vendor) => vendor.keyVariables.map((name) => input.env[name]).find(Boolean) ?? null,
    });
  }

  async function look(): Promise<void> {
    const found = await findLocal();
    const say = (list: Provider[]) => JSON.stringify(list.map((provider) => [provider.name, provider.models]));
    if (say(found) === say(local)) return;
    local = found;
    await swap();
  }

  local = await findLocal();
  await swap();
  const timer = settings.localServers ? setInterval(() => void look().catch(() => {}), LOOK_MS).unref() : null;

  return {
    providers: () => all,
    provider: (name) => all.find((provider) => provider.name === name) ?? null,
    dialect,
    info,
    price: (provider, model) => price(provider, model),
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
        return lists.refresh(all).then(() => {
          if (lists.version() === before) throw error;
          return current().plan(request);
        });
      }
    },
    async models() {
      await lists.refresh(all);
      return current()
        .models()
        .map(({ provider, model }) => {
          const by = all.find(({ name }) => name === provider);
          return {
            id: `${provider}/${model}`,
            provider,
            info: by ? info(by, model) : null,
            price: by?.free ? 'free' : by ? price(by, model) : null,
          };
        });
    },
    close() {
      if (timer) clearInterval(timer);
    },
  };
}

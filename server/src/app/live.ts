/** What is configured at this moment: providers and the router over them. One immutable snapshot, swapped whole. */
import { createCatalogue } from '../catalogue/models.ts';
import { withOwn } from '../catalogue/own.ts';
import { LOCAL_VENDORS, VENDORS } from '../catalogue/vendors.ts';
import type { Dialect } from '../contract/dialect.ts';
import type { ModelInfo, Price, Provider } from '../contract/provider.ts';
import { DIALECTS } from '../dialects/index.ts';
import { ratesFromSettings } from '../money/cost.ts';
import { createModelLists, type ModelLists } from '../providers/lists.ts';
import { findLocalServers } from '../providers/local.ts';
import { configuredProviders } from '../providers/registry.ts';
import { withSigner } from '../providers/signers.ts';
import type { OpenedKey, StoredKey } from '../providers/stored-keys.ts';
import type { Transport } from '../providers/transport.ts';
import type { Settings } from '../settings/settings.ts';
import type { Recorder } from '../telemetry/telemetry.ts';
import { keyedProviders, NO_KEYS, providerWith } from './live-keys.ts';
import { createLiveView, type LiveView } from './live-view.ts';

/** How often local servers are looked for again. */
const LOOK_MS = 30_000;
/** Views of tenants with keys of their own that are kept ready. */
const MOST_VIEWS = 500;

/** What holds for tenants without keys of their own, and what is known of providers whoever may use them. */
export interface Live extends LiveView {
  /** Also one that only some tenants may use: then it has no key. */
  provider(name: string): Provider | null;
  dialect(provider: Provider): Dialect;
  info(provider: Provider, model: string): ModelInfo | null;
  price(provider: Provider, model: string): Price | null;
  /** As the tenant has it: where it has keys of its own, with those alone. */
  of(tenant: string | undefined): LiveView;
  /** Whether anybody may call anything. */
  serves(): boolean;
  /** The provider as it would be with this key. Null: it cannot be had. Throws `ProviderConfigError`. */
  with(name: string, key: OpenedKey): Provider | null;
  /** Keys that stand in the record take the place of those from there before. */
  useKeys(keys: readonly OpenedKey[], lost: readonly StoredKey[], log: Recorder['log']): Promise<ReadonlySet<string>>;
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
  const registry = {
    env: input.env,
    entries: settings.providers,
    vendors: VENDORS,
    locals: LOCAL_VENDORS,
    isOurs: input.isOurs,
  };
  const signed = (provider: Provider) => withSigner(provider, { env: input.env, fetch: transport.fetch });
  const configured = configuredProviders(registry).map(signed);
  const lists = createModelLists(transport, dialect);
  const catalogue = createCatalogue();
  const overrides = new Map(Object.entries(settings.prices).map(([name, rates]) => [name, ratesFromSettings(rates)]));
  const moved = configured.filter((provider) => provider.vendor !== null && !provider.local && !isHome(provider));
  let local: Provider[] = [];
  let keyed = NO_KEYS;
  /** Of tenants with keys of their own; made when they are needed. */
  let views = new Map<string, LiveView>();
  /** Providers that only some tenants may use, without their keys. */
  let others = new Map<string, Provider>();

  const price = (provider: Provider, model: string, at: number = Date.now()): Price | null =>
    overrides.get(`${provider.name}/${model}`) ??
    (provider.vendor && !provider.local ? catalogue.price(provider.vendor.name, model, at) : null);

  const info = (provider: Provider, model: string): ModelInfo | null =>
    withOwn(provider, model, provider.vendor && !provider.local ? catalogue.model(provider.vendor.name, model) : null);

  let base = viewOf([], []);

  function viewOf(providers: readonly Provider[], unreadable: readonly Provider[], own: ModelLists = lists): LiveView {
    return createLiveView({ providers, unreadable, settings, catalogue, lists: own, moved, info, price });
  }

  async function swap(): Promise<void> {
    const known = new Set(configured.map(({ name }) => name));
    const real = [
      ...configured.map((provider) => keyed.everybody.get(provider.name) ?? provider),
      ...[...keyed.everybody.values()].filter(({ name }) => !known.has(name)),
      ...local.filter(({ name }) => !keyed.everybody.has(name)),
    ];
    const { when, open } = input.simulator;
    const stand = when === 'always' || (when === 'alone' && real.length === 0) ? await open() : null;
    const all = stand ? [...real, stand] : real;
    const here = new Set(all.map(({ name }) => name));
    const hidden = new Map<string, Provider>();
    for (const own of keyed.tenants.values()) {
      for (const [name, provider] of own) {
        if (provider && !here.has(name)) hidden.set(name, { ...provider, key: null, keys: [] });
      }
    }
    await catalogue.load(
      [
        ...real,
        ...hidden.values(),
        ...keyed.unreadable.everybody,
        ...[...keyed.unreadable.tenants.values()].flat(),
      ].flatMap((provider) => (provider.vendor && !provider.local ? [provider.vendor.name] : [])),
    );
    others = hidden;
    base = viewOf(
      all,
      keyed.unreadable.everybody.filter(({ name }) => !here.has(name)),
    );
    views = new Map();
  }

  function ofTenant(tenant: string | undefined): LiveView {
    const own = tenant === undefined ? undefined : keyed.tenants.get(tenant);
    if (tenant === undefined || own === undefined) return base;
    let view = views.get(tenant);
    if (view === undefined) {
      const shared = base.providers().filter(({ name, anyModel }) => !own.has(name) && !anyModel);
      const mine = [...own.values()].filter((provider) => provider !== null);
      // Where the models of one account are listed, others must not see them.
      const unreadable = [
        ...keyed.unreadable.everybody.filter(({ name }) => !own.has(name) && base.provider(name) === null),
        ...(keyed.unreadable.tenants.get(tenant) ?? []),
      ];
      view = viewOf(
        [...shared, ...mine],
        unreadable,
        apart(createModelLists(transport, dialect), lists, new Set(own.keys())),
      );
      if (views.size >= MOST_VIEWS) views.clear();
      views.set(tenant, view);
    }
    return view;
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
    providers: () => base.providers(),
    provider: (name) => base.provider(name) ?? others.get(name) ?? null,
    refuseUnreadable: (name) => base.refuseUnreadable(name),
    plan: (request) => base.plan(request),
    planNow: (request) => base.planNow(request),
    models: () => base.models(),
    dialect,
    info,
    price: (provider, model) => price(provider, model),
    of: ofTenant,
    serves: () => base.providers().length > 0 || others.size > 0,
    with: (name, key) => providerWith({ registry, signed, log: () => {} }, name, [key], key.tenant !== null),
    async useKeys(keys, lost, log) {
      keyed = keyedProviders({ registry, signed, log }, keys, lost);
      await swap();
      return keyed.unused;
    },
    close() {
      if (timer) clearInterval(timer);
    },
  };
}

/** Lists of these providers are asked for and kept apart from those of everybody. */
function apart(own: ModelLists, shared: ModelLists, names: ReadonlySet<string>): ModelLists {
  const mine = ({ name }: Provider) => names.has(name);
  return {
    known: (provider) => (mine(provider) ? own : shared).known(provider),
    async refresh(providers) {
      const rest = providers.filter((provider) => !mine(provider));
      await Promise.all([own.refresh(providers.filter(mine)), shared.refresh(rest)]);
    },
    version: () => own.version() + shared.version(),
  };
}

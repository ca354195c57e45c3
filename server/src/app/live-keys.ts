/** Providers with the keys that stand in the record: those of the installation, and each tenant's own. */
import type { Provider } from '../contract/provider.ts';
import { configuredProvider, type RegistryInput } from '../providers/registry.ts';
import { type OpenedKey, providerKeyOf, type StoredKey } from '../providers/stored-keys.ts';
import type { Recorder } from '../telemetry/telemetry.ts';

export interface KeyedProviders {
  /** By name: those that the installation's keys change, or switch on. */
  everybody: ReadonlyMap<string, Provider>;
  /** By tenant and name; null: the tenant has keys for it, and none that can be used, so it is not for this tenant. */
  tenants: ReadonlyMap<string, ReadonlyMap<string, Provider | null>>;
  /** Providers that would be there if their keys could be opened, without keys: of the installation, and by tenant. */
  unreadable: { everybody: readonly Provider[]; tenants: ReadonlyMap<string, readonly Provider[]> };
  /** Ids of keys that are not used, because their provider is at another address by now, or is not configured. */
  unused: ReadonlySet<string>;
}

export const NO_KEYS: KeyedProviders = {
  everybody: new Map(),
  tenants: new Map(),
  unreadable: { everybody: [], tenants: new Map() },
  unused: new Set(),
};

export interface KeyedInput {
  registry: RegistryInput;
  /** Of what can be called without the stored keys. */
  signed(provider: Provider): Provider;
  log: Recorder['log'];
}

export const originOf = (provider: Provider): string => new URL(provider.baseUrl).origin;

/** The provider with these keys; null when it cannot be had with them. Throws `ProviderConfigError`. */
export function providerWith(
  { registry, signed }: KeyedInput,
  name: string,
  keys: readonly OpenedKey[],
  alone: boolean,
): Provider | null {
  const stored = { alone, keys: keys.map(providerKeyOf) };
  const provider = configuredProvider({ ...registry, stored: () => stored }, name);
  return provider && signed(provider);
}

/** The provider of a key that nobody can open, without any; null: it is not there, or at another address by now. */
function shapeOf(input: KeyedInput, lost: StoredKey): Provider | null {
  try {
    const provider = providerWith(input, lost.provider, [{ ...lost, value: 'unreadable' }], true);
    return provider && originOf(provider) === lost.origin ? { ...provider, key: null, keys: [] } : null;
  } catch {
    return null;
  }
}

/** `lost`: keys that nobody can open. A tenant that has nothing else goes without: not with somebody else's key. */
export function keyedProviders(
  input: KeyedInput,
  keys: readonly OpenedKey[],
  lost: readonly StoredKey[],
): KeyedProviders {
  const everybody = new Map<string, Provider>();
  const tenants = new Map<string, Map<string, Provider | null>>();
  const unused = new Set<string>();

  function ownOf(tenant: string): Map<string, Provider | null> {
    const own = tenants.get(tenant) ?? new Map<string, Provider | null>();
    tenants.set(tenant, own);
    return own;
  }

  function make(name: string, group: readonly OpenedKey[], alone: boolean): Provider | null {
    try {
      const provider = providerWith(input, name, group, alone);
      const fit = provider ? group.filter(({ origin }) => origin === originOf(provider)) : [];
      for (const one of group) {
        if (fit.includes(one)) continue;
        unused.add(one.id);
        input.log('error', 'a stored key is not used: its provider has another address now, or is not configured', {
          provider: name,
          key: one.id,
        });
      }
      return fit.length === 0 ? null : fit.length === group.length ? provider : providerWith(input, name, fit, alone);
    } catch (error) {
      for (const { id } of group) unused.add(id);
      input.log('error', 'a stored key is not used', { provider: name, error: (error as Error).message });
      return null;
    }
  }

  for (const group of Map.groupBy(keys, ({ tenant, provider }) => `${tenant ?? ''}\n${provider}`).values()) {
    const [{ tenant, provider: name }] = group as [OpenedKey];
    const made = make(name, group, tenant !== null);
    if (tenant === null) {
      if (made) everybody.set(name, made);
      continue;
    }
    ownOf(tenant).set(name, made);
  }
  const unreadable = { everybody: [] as Provider[], tenants: new Map<string, Provider[]>() };
  for (const group of Map.groupBy(lost, ({ tenant, provider }) => `${tenant ?? ''}\n${provider}`).values()) {
    const [{ tenant, provider: name }] = group as [StoredKey];
    if (tenant !== null) {
      if (ownOf(tenant).get(name) !== undefined) continue;
      ownOf(tenant).set(name, null);
    }
    const shape = shapeOf(input, group[0] as StoredKey);
    if (shape === null) continue;
    if (tenant === null) unreadable.everybody.push(shape);
    else unreadable.tenants.set(tenant, [...(unreadable.tenants.get(tenant) ?? []), shape]);
  }
  return { everybody, tenants, unreadable, unused };
}

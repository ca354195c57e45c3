/** Providers from variables and the text of `goblin.yaml`. */
import assert from 'node:assert/strict';
import { LOCAL_VENDORS, VENDORS } from '../../../src/catalogue/vendors.ts';
import type { Provider } from '../../../src/contract/provider.ts';
import { configuredProviders, ProviderConfigError } from '../../../src/providers/registry.ts';
import { parseSettings, SettingsError, settle } from '../../../src/settings/settings.ts';

export type Env = Record<string, string>;

export function configured(env: Env, yaml = ''): Provider[] {
  const { providers } = settle(parseSettings(yaml, 'goblin.yaml'));
  const isOurs = (url: URL) => url.host === '127.0.0.1:8000';
  return configuredProviders({ env, entries: providers, vendors: VENDORS, locals: LOCAL_VENDORS, isOurs });
}

export function only(env: Env, yaml = ''): Provider {
  const [provider, ...others] = configured(env, yaml);
  assert.ok(provider && others.length === 0, `${others.length} others`);
  return provider;
}

export function refused(env: Env, yaml: string, says: RegExp): void {
  assert.throws(
    () => configured(env, yaml),
    (error) => {
      assert.ok(error instanceof ProviderConfigError || error instanceof SettingsError, String(error));
      assert.match(error.message, says);
      // One sentence, and no key in it.
      assert.match(error.message, /^[^\n]+\.$/);
      for (const value of Object.values(env)) if (value.startsWith('sk-')) assert.ok(!error.message.includes(value));
      return true;
    },
  );
}

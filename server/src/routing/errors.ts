/** Refusals of routing: each says what is configured and what to change. */
import { LOCAL_VENDORS, VENDORS } from '../catalogue/vendors.ts';
import { GoblinError } from '../contract/errors.ts';
import type { Provider, Vendor } from '../contract/provider.ts';
import type { Dropped } from './able.ts';
import { nearNames } from './near.ts';

const KNOWN: ReadonlyMap<string, Vendor> = new Map(
  [...VENDORS, ...LOCAL_VENDORS].map((vendor) => [vendor.name, vendor]),
);

export const isKnownVendor = (name: string): boolean => KNOWN.has(name);

/** Callers' names are quoted as JSON and cut, so that they cannot fill or break a message. */
export const quote = (name: string): string => JSON.stringify(name.length > 100 ? `${name.slice(0, 100)}…` : name);

const configured = (providers: readonly Provider[]): string => {
  const names = providers.map((provider) => provider.name);
  return names.length > 12 ? `${names.slice(0, 12).join(', ')} and ${names.length - 12} more` : names.join(', ');
};

/** How a vendor that we know is switched on. */
function howToConfigure(name: string): string {
  const vendor = KNOWN.get(name);
  if (vendor === undefined) return '';
  if (vendor.local) {
    return `start ${vendor.title}, or set ${vendor.variablePrefix}_BASE_URL if it is not at ${vendor.baseUrl}`;
  }
  const key = vendor.keyVariables.join(' or ');
  return vendor.needsEntry ? `name it under providers in goblin.yaml, with its key in ${key}` : `set ${key}`;
}

export function noProvider(): GoblinError {
  return new GoblinError(
    'no_provider',
    'No provider is configured: set a key such as OPENAI_API_KEY, or start a local server such as Ollama.',
  );
}

export function notConfigured(name: string, providers: readonly Provider[]): GoblinError {
  return new GoblinError(
    'unknown_model',
    `The provider ${quote(name)} is not configured: ${howToConfigure(name)}. Configured: ${configured(providers)}.`,
  );
}

export function unknownModel(name: string, listed: Iterable<string>, providers: readonly Provider[]): GoblinError {
  const near = nearNames(name, listed);
  const meant = near.length === 0 ? '' : ` Did you mean ${near.map(quote).join(', ')}?`;
  return new GoblinError(
    'unknown_model',
    `No configured provider lists the model ${quote(name)}.${meant} Configured: ${configured(providers)}; ` +
      'a model that none of them lists can be asked for as provider/model.',
  );
}

export function unknownHint(hint: string, providers: readonly Provider[]): GoblinError {
  const how = KNOWN.has(hint) ? ` To use it, ${howToConfigure(hint)}.` : '';
  const message = `${quote(hint)} is not a configured provider; configured: ${configured(providers)}.${how}`;
  return new GoblinError('invalid_request', `provider_hint: ${message}`, {
    errors: [{ path: 'provider_hint', message }],
  });
}

export function nothingForAuto(providers: readonly Provider[]): GoblinError {
  return new GoblinError(
    'unknown_model',
    `No model to choose from: none of the configured providers (${configured(providers)}) has a known chat model. ` +
      'Ask for provider/model, or name models under the provider in goblin.yaml.',
  );
}

export function nothingMakesVectors(): GoblinError {
  return new GoblinError(
    'no_provider',
    'The simulator makes no vectors, and no other provider is configured: set a key such as OPENAI_API_KEY, or start a local server such as Ollama.',
  );
}

/** A call for vectors that names no model, where no route does either. `models` are those that could be named. */
export function nothingToEmbed(models: Iterable<string>): GoblinError {
  const some: string[] = [];
  for (const model of models) if (some.push(model) >= 5) break;
  const named = some.length === 0 ? 'No configured provider lists one.' : `Configured are ${some.join(', ')}.`;
  return new GoblinError(
    'unknown_model',
    `Name the model that makes the vectors, or set tasks.embed in goblin.yaml: vectors of different models cannot be compared, so none is chosen for you. ${named}`,
    { errors: [{ path: 'model', message: 'must name an embedding model' }] },
  );
}

/** Every target is left out by a policy, or by what its keys are for. */
export function nothingAllowed(code: 'forbidden' | 'unknown_model', dropped: readonly Dropped[]): GoblinError {
  const list = dropped
    .slice(0, 3)
    .map(({ provider, model, reason }) => `${provider}/${model}: ${reason}`)
    .join('; ');
  return new GoblinError(code, `No chosen model may be used for this request (${list}).`);
}

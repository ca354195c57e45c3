/** Where a provider is: its base URL, and the parameters in it. Everything that is not what it claims stops the start. */
import type { DialectName } from '../contract/call.ts';
import { PARAMETER_NAMES, type ParameterName, type Vendor } from '../contract/provider.ts';
import type { Quirks } from '../contract/quirks.ts';
import { hostWhyNot } from '../guard/egress.ts';
import type { ProviderEntry } from '../settings/schema.ts';

/** What stops the start: one sentence that names the variable or the entry. */
export class ProviderConfigError extends Error {}

export interface PlaceInput {
  env: Readonly<Record<string, string>>;
  /** Whether an address is our own. */
  isOurs(url: URL): boolean;
}

export interface Place {
  baseUrl: string;
  reach: 'public' | 'private';
  parameters: Readonly<Record<string, string>>;
  /** The vendor's, with those of the form that holds. */
  quirks: Quirks;
}

/** Variables that re-point a provider; the first that is set wins. */
export function urlVariablesOf(vendor: Vendor | null): string[] {
  return vendor ? [`MCP_${vendor.variablePrefix}_BASE_URL`, `${vendor.variablePrefix}_BASE_URL`] : [];
}

/** Null when something is missing and nobody asked for this provider by an entry. Throws `ProviderConfigError`. */
export function placeOf(
  input: PlaceInput,
  vendor: Vendor,
  entry: ProviderEntry | undefined,
  dialect: DialectName,
): Place | null {
  const parameters = readParameters(input, vendor, entry);
  const form = vendor.forms?.find(({ when, is }) =>
    is === undefined ? parameters[when] !== undefined : parameters[when] === is,
  );
  const quirks =
    dialect === vendor.dialect
      ? fillPaths({ ...vendor.quirks, ...form?.quirks }, parameters)
      : (vendor.speaks?.[dialect] ?? {});
  const urlName = urlVariablesOf(vendor).find((name) => input.env[name]);
  const own = (urlName && input.env[urlName]) || entry?.base_url;
  if (own) {
    const source = urlName ?? `goblin.yaml: providers.${vendor.name}.base_url`;
    return { baseUrl: checkedUrl(input, source, own, dialect), reach: 'private', parameters, quirks };
  }
  if (dialect !== vendor.dialect && vendor.speaks?.[dialect] === undefined) {
    throw new ProviderConfigError(
      `goblin.yaml: providers.${vendor.name}.dialect is ${dialect}, but its own address speaks ${vendor.dialect}; set base_url to the address that does.`,
    );
  }
  const template = form?.baseUrl ?? vendor.baseUrl;
  const missing = vendor.parameters?.find(
    ({ name }) => template.includes(`{${name}}`) && parameters[name] === undefined,
  );
  if (missing) {
    if (!entry) return null;
    throw new ProviderConfigError(
      `goblin.yaml: providers.${vendor.name} has no ${missing.name}; set it there or in ${missing.variables.join(' or ')}, e.g. ${missing.name}: ${missing.example}.`,
    );
  }
  return {
    baseUrl: checkedUrl(input, vendor.name, fill(template, parameters), dialect),
    reach: vendor.local ? 'private' : 'public',
    parameters,
    quirks,
  };
}

/** Variables of a parameter; the first goes before `goblin.yaml`, the others after it. */
export function parameterVariables(vendor: Vendor, name: ParameterName): string[] {
  const own = vendor.parameters?.find((parameter) => parameter.name === name);
  return [`MCP_${vendor.variablePrefix}_${name.toUpperCase()}`, ...(own?.variables ?? [])];
}

function readParameters(
  { env }: PlaceInput,
  vendor: Vendor,
  entry: ProviderEntry | undefined,
): Readonly<Record<string, string>> {
  const known = vendor.parameters ?? [];
  for (const name of PARAMETER_NAMES) {
    if (entry?.[name] === undefined || known.some((parameter) => parameter.name === name)) continue;
    const names = known.map((parameter) => parameter.name).join(', ');
    throw new ProviderConfigError(
      `goblin.yaml: providers.${vendor.name}.${name} is set, but ${vendor.name} ${names === '' ? 'takes no such thing' : `takes only ${names}`}; take the line out.`,
    );
  }
  const values: Record<string, string> = {};
  for (const { name, pattern, what, example } of known) {
    const [first = '', ...others] = parameterVariables(vendor, name);
    const variable = env[first] ? first : entry?.[name] !== undefined ? undefined : others.find((other) => env[other]);
    const value = variable === undefined ? entry?.[name] : env[variable];
    if (value === undefined || value === '') continue;
    if (!pattern.test(value)) {
      throw new ProviderConfigError(
        `${variable ?? `goblin.yaml: providers.${vendor.name}.${name}`} is "${value.slice(0, 200)}", which is not ${what}; write it like ${example}.`,
      );
    }
    values[name] = value;
  }
  return values;
}

function fill(template: string, values: Readonly<Record<string, string>>): string {
  return template.replace(/\{(\w+)\}/g, (whole, name: string) => values[name] ?? whole);
}

function fillPaths(quirks: Quirks, values: Readonly<Record<string, string>>): Quirks {
  if (quirks.paths === undefined) return quirks;
  const paths = Object.fromEntries(
    Object.entries(quirks.paths).map(([use, path]) => [use, path === null ? null : fill(path, values)]),
  );
  return { ...quirks, paths };
}

const EXAMPLES: Partial<Record<DialectName, string>> = {
  anthropic: 'https://api.anthropic.com',
  gemini: 'https://generativelanguage.googleapis.com/v1beta',
  bedrock: 'https://bedrock-runtime.eu-central-1.amazonaws.com',
  cohere: 'https://api.cohere.com',
  ollama: 'http://gpu-1:11434',
};

export function checkedUrl(input: PlaceInput, source: string, written: string, dialect: DialectName): string {
  const example = EXAMPLES[dialect] ?? 'https://api.openai.com/v1';
  const wrong = (why: string) =>
    new ProviderConfigError(`${source} is "${written.slice(0, 200)}", ${why}; write it like ${example}.`);
  if (!URL.canParse(written)) throw wrong('which is not a URL');
  const url = new URL(written);
  if (url.protocol !== 'http:' && url.protocol !== 'https:') throw wrong('which is not http or https');
  if (url.username || url.password) {
    throw new ProviderConfigError(`${source} has a user or password in it; put the key into the key variable instead.`);
  }
  if (url.search || url.hash) throw wrong('which has a query or fragment');
  if (hostWhyNot(url.hostname, 'private') !== null)
    throw wrong('which is an address of cloud metadata and never called');
  if (input.isOurs(url)) {
    throw new ProviderConfigError(
      `${source} is "${written}", which is this server itself; point it at the vendor, e.g. ${example}.`,
    );
  }
  const base = url.href.replace(/\/+$/, '');
  // Anthropic's own clients add /v1 themselves, so its address is usually written without.
  if (dialect === 'anthropic') return /\/v1$/.test(base) ? base : `${base}/v1`;
  // What Ollama's address is written with, for its OpenAI layer or its own API.
  if (dialect === 'ollama') return base.replace(/\/(v1|api)$/, '');
  return base;
}

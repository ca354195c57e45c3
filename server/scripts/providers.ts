/** The tables about providers: the rows of the catalogue, their quirks in words, and what an entry may say. */
import type { TSchema } from '@sinclair/typebox';
import { LOCAL_VENDORS, VENDORS } from '../src/catalogue/vendors.ts';
import type { Vendor } from '../src/contract/provider.ts';
import type { EffortQuirk, PrefixQuirk, Quirks, ReplayQuirk } from '../src/contract/quirks.ts';
import { KeyEntry, ModelEntry, ProviderEntry } from '../src/settings/schema.ts';
import { accepted, code, meaning, propertiesOf, table } from './tables.ts';

/** Fields of an entry under `providers`. */
const ENTRY: Readonly<Record<string, string>> = {
  dialect: 'wire format; `openai` when left out. Of a provider of the catalogue only where its address speaks it too',
  base_url: 'where it is; required for a provider that is not in the catalogue',
  region: 'for an address with a region in it',
  resource: 'the name of the Azure resource',
  project: 'the id of the Google Cloud project',
  account: 'the account of Cloudflare or Snowflake',
  api_version: 'a dated version of the Azure OpenAI API; left out, the v1 API is used',
  auth: 'how its key is sent, or that calls are signed without one; the usual way when left out',
  key_env: 'the variable that holds its key; it comes before the usual ones',
  keys: 'several keys, each with its own share and limits; see below',
  models: 'models to offer, beside what is known of it; see below',
  headers: 'headers to send with every call; their values stand in the file in the open',
  prefix:
    'how it is told to go on from the beginning of an answer, for all its models: by that message alone, by vLLM’s field, by a mark on the message, or not at all',
  think_tags: 'its models think in the text, between `<think>` and `</think>`',
  free: 'its calls cost nothing',
  raw: '`false`: `/mcp/v1/raw/…` does not lead to it',
  raw_price_usd:
    'what one call through `/mcp/v1/raw/…` is charged with, in US dollars; without it there are none, unless it is free',
  enabled: '`false` switches it off, whatever is set elsewhere',
};

const KEY: Readonly<Record<string, string>> = {
  env: 'the variable that holds the key',
  weight: 'its share of the calls; 1 when left out',
  requests_per_minute: 'no more calls than that with this key',
  tokens_per_minute: 'no more tokens than that with this key, prompts and answers together',
  models: 'it is used for these models only',
};

const MODEL: Readonly<Record<string, string>> = {
  id: 'its name, as the provider has it',
  context: 'tokens that prompt and answer may have together',
  max_output: 'tokens of the longest answer',
  tools: 'it calls tools',
  images: 'it reads images',
  schema: 'it keeps to a JSON Schema',
  reasoning: 'it reasons',
  system: 'it takes system messages',
  prefix: 'it goes on from the beginning of an answer',
  chat: 'it answers messages with text; true when left out',
  embeds: 'it makes vectors of texts',
  price: 'as under `prices`',
};

function fieldTable(schema: TSchema, meanings: Readonly<Record<string, string>>): string {
  const rows = Object.entries(propertiesOf(schema)).map(([name, field]) => [
    code(name),
    name === 'price' ? 'rates' : accepted(field),
    meaning(meanings, name),
  ]);
  return table(['field', 'takes', 'meaning'], rows);
}

const HEAD = ['provider', 'name', 'dialect', 'auth', 'key', 'base URL', 'default base URL', 'needs and gaps'];

function authOf(vendor: Vendor): string {
  const other = vendor.withoutKey ? ` or ${vendor.withoutKey}` : '';
  return `${vendor.auth}${other}`;
}

function needsOf(vendor: Vendor): string {
  const needs = (vendor.parameters ?? []).map(
    ({ name, variables, optional }) =>
      `${optional ? 'may have ' : ''}${code(name)} (${variables.map(code).join(', ')})`,
  );
  const serves = vendor.serves?.includes('answer') === false ? ['makes vectors, answers nobody'] : [];
  const entry = vendor.needsEntry ? ['needs an entry in `goblin.yaml`'] : [];
  return [...entry, ...serves, ...needs, ...(vendor.gaps ? [vendor.gaps] : [])].join('; ');
}

function row(vendor: Vendor): string[] {
  const keys = vendor.keyVariables.map(code).join(' or ');
  return [
    code(vendor.name),
    vendor.title,
    vendor.dialect,
    authOf(vendor),
    keys || 'none',
    code(`${vendor.variablePrefix}_BASE_URL`),
    code(vendor.baseUrl),
    needsOf(vendor),
  ];
}

const list = (names: readonly string[]): string => names.map(code).join(', ');

function prefixWords(quirk: PrefixQuirk | null): string {
  if (quirk === null) return 'begins anew';
  const how = [
    ...(quirk.mark ? [code(`${quirk.mark}: true`)] : []),
    ...(quirk.path ? [`at ${code(quirk.path)}`] : []),
    ...Object.entries(quirk.body ?? {}).map(([field, value]) => code(`${field}: ${JSON.stringify(value)}`)),
  ];
  return `goes on from a prefix${how.length === 0 ? '' : ` (${how.join(', ')})`}`;
}

function effortWords({ words, switch: own }: EffortQuirk): string {
  const turn = own ? `reasoning on and off by ${code(own.field)}` : '';
  if (words === undefined) return turn;
  if (words.length === 0) return turn || 'no `reasoning_effort`';
  return `${turn ? `${turn}, ` : ''}${code('reasoning_effort')} ${list(words)}`;
}

const REPLAY: Readonly<Record<ReplayQuirk['as'], string>> = {
  reasoning_content: 'as `reasoning_content`',
  reasoning: 'as `reasoning`',
  chunks: 'as parts of type `thinking`',
  tags: 'between `<think>` tags',
  none: 'not at all',
};

function replayWords({ as, sinceUser, required, details }: ReplayQuirk): string {
  const only = sinceUser ? ', since the last question only' : '';
  return `reasoning of earlier turns goes back ${details ? 'as `reasoning_details`' : REPLAY[as]}${only}${required ? ', in every turn' : ''}`;
}

/** What differs from the dialect's norm, in words. */
function quirkWords(quirks: Quirks): string[] {
  const { embeddings, refuses, renames = {} } = quirks;
  const said: (string | false | null | undefined)[] = [
    quirks.maxTokensField === 'max_completion_tokens' && 'bound as `max_completion_tokens`',
    quirks.noStreamOptions && 'no `stream_options`',
    refuses && refuses.length > 0 && `refuses ${list(refuses)}`,
    ...Object.entries(renames).map(([name, theirs]) => `${code(name)} is ${code(theirs)}`),
    quirks.reasoningBesideOutput !== undefined && 'counts reasoning beside the output',
    quirks.prefix !== undefined && prefixWords(quirks.prefix),
    quirks.effort && effortWords(quirks.effort),
    quirks.replay && replayWords(quirks.replay),
    quirks.developerRole && 'takes the role `developer`',
    quirks.alternates && 'user and assistant strictly in turns',
    quirks.thinkTags && 'reasoning stands in the text, between `<think>` tags',
    quirks.noSchema !== undefined && (quirks.noSchema ? 'JSON without a schema' : 'JSON with a schema'),
    embeddings?.textOnly && 'vectors of texts only',
    embeddings?.most !== undefined && `${embeddings.most.toLocaleString('en-US')} texts in a call for vectors`,
    embeddings?.dimensions && `${code('dimensions')} is ${code(embeddings.dimensions)}`,
    quirks.paths?.models === null && 'no list of models',
  ];
  return said.filter((text) => typeof text === 'string');
}

function quirkRow(vendor: Vendor): string[][] {
  const quirks = vendor.quirks ?? {};
  const own = quirkWords(quirks);
  const rows = own.length === 0 ? [] : [[code(vendor.name), 'all', own.join('; ')]];
  const some = (quirks.forModels ?? []).map(({ models, quirks: of }) => [
    code(vendor.name),
    code(models.source === '.' ? 'all' : models.source),
    quirkWords(of).join('; '),
  ]);
  return [...rows, ...some];
}

export const PROVIDER_TABLES: Readonly<Record<string, () => string>> = {
  entry: () => fieldTable(ProviderEntry, ENTRY),
  keys: () => fieldTable(KeyEntry, KEY),
  models: () => fieldTable(ModelEntry, MODEL),
  vendors: () => table(HEAD, VENDORS.map(row)),
  locals: () =>
    table(
      HEAD.slice(0, -1),
      LOCAL_VENDORS.map((vendor) => row(vendor).slice(0, -1)),
    ),
  quirks: () => table(['provider', 'models', 'what differs'], [...VENDORS, ...LOCAL_VENDORS].flatMap(quirkRow)),
};

/** Vendors, models, prices and plans: the words shared by catalogue, routing, money and execution. */
import type { DialectName, Kind } from './call.ts';
import type { Quirks } from './quirks.ts';

/** How a vendor wants to see its key. */
export type AuthStyle =
  | 'bearer'
  | 'x-api-key'
  | 'api-key'
  | 'api-subscription-key'
  | 'x-goog-api-key'
  | 'none'
  /** Made for each call, or fetched and renewed: see `Signer`. */
  | 'sigv4'
  | 'google'
  | 'entra';

/** Credentials that are made for each call (SigV4), or that run out (tokens of service accounts). */
export interface Signer {
  /**
   * Headers for one call; a promise only while credentials must be fetched first. Names of `headers` are in lower case.
   * Rejects with a `GoblinError`: `upstream_unauthorized` when there are no credentials, or they are refused;
   * `upstream_unreachable` when their source does not answer in time.
   */
  sign(call: {
    method: string;
    url: URL;
    headers: Readonly<Record<string, string>>;
    body: string | Buffer;
  }): Record<string, string> | Promise<Record<string, string>>;
}

/** Something that the address of a provider needs beside its name: a region, a resource, an account. */
export interface VendorParameter {
  /** Its name in an entry of `goblin.yaml`, and in the base URL between braces. */
  name: ParameterName;
  /** Variables that may hold it, used where `goblin.yaml` says nothing; the first one set wins. */
  variables: readonly string[];
  /** The whole value. It becomes a part of a host name or a path, so it must not be able to leave that place. */
  pattern: RegExp;
  /** What it is, after "which is not": `the name of an Azure resource`. */
  what: string;
  example: string;
  /** Not needed for the address. */
  optional?: boolean;
}

export const PARAMETER_NAMES = ['region', 'resource', 'project', 'account', 'api_version'] as const;
export type ParameterName = (typeof PARAMETER_NAMES)[number];

/** Another address of a vendor, which holds when a parameter is set, or has this value. */
export interface VendorForm {
  when: ParameterName;
  is?: string;
  baseUrl: string;
  /** Over those of the vendor. Paths may name parameters between braces. */
  quirks?: Quirks;
}

/** A row of the catalogue. Pure data. */
export interface Vendor {
  /** Our name of it, as in `provider/model`. Lower case, digits, hyphens. */
  name: string;
  title: string;
  dialect: DialectName;
  /** Without a trailing slash; the dialect's path is appended. May name parameters between braces. */
  baseUrl: string;
  parameters?: readonly VendorParameter[];
  /** The first one that holds is taken. */
  forms?: readonly VendorForm[];
  auth: AuthStyle;
  /** How calls are signed when no key is set but an entry in `goblin.yaml` switches it on. */
  withoutKey?: 'sigv4' | 'google' | 'entra';
  /** Fixed headers, e.g. a version. */
  headers?: Readonly<Record<string, string>>;
  /** Variables that hold its key, the first one set wins. Empty for local servers. */
  keyVariables: readonly string[];
  /** `OPENAI` in `OPENAI_BASE_URL`: the key variable without its ending. */
  variablePrefix: string;
  /** A general credential (`GITHUB_TOKEN`) enables nothing unless `goblin.yaml` names this provider. */
  needsEntry?: boolean;
  quirks?: Quirks;
  /** Ids of this vendor in the price data and the model data, when they differ from `name`. */
  priceId?: string;
  modelsId?: string;
  /** It makes models of its own: bare names that start so go to it first (`gpt-`, `claude-`). */
  makes?: readonly string[];
  /** A server on the user's own machine: costs nothing. */
  local?: boolean;
  /** Other dialects that the same address speaks, with what it wants otherwise in them; chosen by `dialect` in an entry. */
  speaks?: Partial<Record<DialectName, Quirks>>;
  /** Its models have names that the account gave them: the catalogue tells what they are, not which are there. */
  deployments?: boolean;
  /** What it does; left out: it answers. */
  serves?: readonly Kind[];
  /** What does not work with it yet, for the documents. */
  gaps?: string;
}

/** A rate in picodollars (1e-12 USD) per token; `tiers` replace `base` once the input is larger than `start` tokens. */
export interface Rate {
  base: number;
  tiers?: readonly { start: number; rate: number }[];
}

export interface Price {
  input: Rate;
  output: Rate;
  /** Missing means: as `input`. */
  cachedInput?: Rate;
  cacheWrite?: Rate;
  /** Picodollars for each call, whatever its size. */
  perCall?: number;
  /** Where the price comes from, stored with every amount. */
  version: string;
}

/** `null` in a field, or a field that is not there, means: not known, so nothing is refused on its account. */
export interface ModelInfo {
  id: string;
  contextWindow: number | null;
  maxOutput: number | null;
  tools: boolean | null;
  images: boolean | null;
  reasoning: boolean | null;
  /** Answers with text to messages (embedding, audio and image models do not). */
  chat: boolean;
  /** Keeps to a JSON Schema. */
  schema?: boolean | null;
  /** Goes on from a given beginning of its answer. */
  prefix?: boolean | null;
  /** Takes system messages. */
  systemRole?: boolean | null;
  /** Makes vectors of texts. */
  embeds?: boolean;
}

/** One of several keys of a provider, with limits of its own. */
export interface ProviderKey {
  /** The name of its variable: says which one it is, and no secret. */
  id: string;
  key: string;
  /** Its share of the calls, among the keys that may take a call. */
  weight: number;
  requestsPerMinute: number | null;
  tokensPerMinute: number | null;
  /** Models that it may be used for; null: all. */
  models: readonly string[] | null;
  /** It was set through the API: attempts say which it was, even where it is the only one. */
  stored?: true;
}

/** A vendor that is switched on: what the process may call. Holds the key, so it is never logged or sent whole. */
export interface Provider {
  name: string;
  title: string;
  dialect: DialectName;
  baseUrl: string;
  auth: AuthStyle;
  headers: Readonly<Record<string, string>>;
  /** The first of `keys`. */
  key: string | null;
  /** All keys, best first. Left out: there is only `key`. */
  keys?: readonly ProviderKey[];
  /** Region, project and the like, as they stand in the address; signers need them too. */
  parameters?: Readonly<Record<string, string>>;
  /** Where its address may lie: `private` when the operator named it himself. Left out: the open internet alone. */
  reach?: 'public' | 'private';
  /** Makes credentials for each call; `key` then is null. */
  signer?: Signer;
  quirks: Quirks;
  vendor: Vendor | null;
  /** Costs nothing (local servers, the simulator). */
  free: boolean;
  local: boolean;
  /** Models named in `goblin.yaml` or answered by the server itself; joined with the catalogue's. */
  models: readonly string[];
  /** What `goblin.yaml` says of them, over what the catalogue knows. By model. */
  abilities?: Readonly<Record<string, Partial<ModelInfo>>>;
  /** The simulator when it answers for want of a vendor: offers any name. */
  anyModel: boolean;
}

/** Where one attempt may go, and why it stands at this place of the plan. */
export interface PlannedTarget {
  provider: string;
  model: string;
  reason: string;
  /** Which of the provider's keys (`ProviderKey.id`), when it has several. */
  keyRef?: string;
}

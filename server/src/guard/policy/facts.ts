/** What a policy is told of a request, of who asks, and of the model that may be asked. */
import type { AnswerCall } from '../../contract/call.ts';
import type { Caller, Role } from '../../contract/caller.ts';
import type { StoredAsker } from '../../contract/record.ts';
import { type PolicyAction, WEEKDAYS } from './schema.ts';
import type { Spent } from './spending.ts';

/** Who asks. */
interface Asker {
  user: string;
  team?: string;
  roles?: readonly Role[];
}

export interface Facts extends Asker {
  tenant: string;
  /** Id of the API key, null when none was used. */
  key: string | null;
  action: PolicyAction;
  task: string;
  /** The label `data_class`, empty without one. */
  dataClass: string;
  /** Kinds of the rules that found something. */
  findings: readonly string[];
  /** Names of tools that the model may call. */
  tools: readonly string[];
  /** Milliseconds since the epoch. */
  at: number;
  /** Null: no policy looks at it. */
  spent: Spent | null;
}

export interface Target {
  provider: string;
  model: string;
  local: boolean;
  /** Empty: not known. */
  region: string;
  /** What the request will come to by estimate. Null: nobody knows. */
  costPico(): number | null;
}

/** The label that says how delicate the data of a request is. */
const DATA_CLASS = 'data_class';

export const dataClassOf = (labels: Readonly<Record<string, string>> | null): string =>
  labels !== null && Object.hasOwn(labels, DATA_CLASS) ? (labels[DATA_CLASS] ?? '') : '';

/** Who asks, and what policies saw of the request beside it. */
export function storedAsker(
  { user, team, roles }: Caller,
  labels: Readonly<Record<string, string>> | null,
): StoredAsker {
  const dataClass = dataClassOf(labels);
  return {
    user,
    ...(team === undefined ? {} : { team }),
    ...(roles === undefined ? {} : { roles }),
    ...(dataClass === '' ? {} : { dataClass }),
  };
}

/** Names of tools; of one that only the caller's dialect knows, its type. */
export function toolsOf(call: AnswerCall): string[] {
  const names = new Set((call.tools ?? []).map(({ name }) => name));
  const native: unknown = call.native?.body.tools;
  for (const tool of Array.isArray(native) ? native : []) {
    const type: unknown = (tool as { type?: unknown } | null)?.type;
    if (typeof type === 'string' && type !== 'function' && type !== 'custom') names.add(type);
  }
  return [...names].sort();
}

export function timeOf(at: number): { hour: number; weekday: string } {
  const date = new Date(at);
  return { hour: date.getUTCHours(), weekday: WEEKDAYS[date.getUTCDay()] ?? '' };
}

/** The largest that a decimal of Cedar holds is a little more. */
const MOST_USD = 900_000_000_000_000;

/** Dollars with four digits, as a decimal of Cedar is written; rounded up, so that what costs something is not free. */
export function usdOf(pico: number): string {
  const usd = Math.min(MOST_USD, Math.max(0, Math.ceil(pico / 1e8) / 1e4));
  return usd.toFixed(4);
}

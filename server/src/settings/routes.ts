/** How the lists of aliases and task types are read. */
import type { RouteRule } from '../routing/rule.ts';
import type { RouteEntry } from './schema.ts';

export interface Routes {
  /** By name; without those that name no model. */
  lists: Map<string, readonly string[]>;
  /** Of those that say more than a list. */
  rules: Map<string, RouteRule>;
}

type Refuse = (message: string) => never;

/** `where` is `aliases` or `tasks`. Calls `refuse` when an entry contradicts itself. */
export function readRoutes(where: string, entries: Readonly<Record<string, RouteEntry>>, refuse: Refuse): Routes {
  const routes: Routes = { lists: new Map(), rules: new Map() };
  for (const [name, entry] of Object.entries(entries)) {
    const path = `${where}.${name}`;
    const list = listOf(entry, path, refuse);
    if (list !== null) routes.lists.set(name, list);
    const rule = typeof entry === 'string' || Array.isArray(entry) ? null : ruleOf(entry, list ?? [], path, refuse);
    if (rule !== null) routes.rules.set(name, rule);
  }
  return routes;
}

function listOf(entry: RouteEntry, path: string, refuse: Refuse): readonly string[] | null {
  if (typeof entry === 'string' || Array.isArray(entry)) return [entry].flat();
  if (entry.model !== undefined && entry.models !== undefined) {
    refuse(`${path} has both model and models; they mean the same, so keep one.`);
  }
  const named = entry.model ?? entry.models;
  return named === undefined ? null : [named].flat();
}

function ruleOf(
  entry: Exclude<RouteEntry, string | string[]>,
  list: readonly string[],
  path: string,
  refuse: Refuse,
): RouteRule | null {
  const { cache, failover, strategy, weights } = entry;
  const says = [cache, failover, strategy, weights].some((value) => value !== undefined);
  if (list.length === 0 && says) {
    refuse(`${path} says how to choose, but not from what: add model.`);
  }
  if (weights !== undefined) {
    if (strategy !== undefined && strategy !== 'weighted') {
      refuse(`${path}.weights go with strategy weighted, not with ${strategy}.`);
    }
    for (const item of Object.keys(weights)) {
      if (!list.includes(item)) refuse(`${path}.weights names ${JSON.stringify(item)}, which is not in its list.`);
    }
    if (list.every((item) => (Object.hasOwn(weights, item) ? weights[item] : 1) === 0)) {
      refuse(`${path}.weights are all 0; one must be more.`);
    }
  }
  if (cache !== false && strategy === undefined && weights === undefined && failover === undefined) return null;
  return {
    ...(strategy === undefined ? {} : { strategy }),
    ...(weights === undefined ? {} : { weights }),
    ...(failover === undefined ? {} : { failover }),
    ...(cache === false ? { cache } : {}),
  };
}

/** Which counts a request goes against: the rules of the file and of the database, looked up by who asks. */
import {
  LIMIT_SCOPES,
  type LimitRule,
  type LimitScope,
  type RateLimits,
  type StoredLimits,
  type StoredScope,
} from '../../contract/limits.ts';

export const KINDS = ['requests', 'tokens', 'concurrent'] as const;
export type CountKind = (typeof KINDS)[number];

/** One count that a request goes against. */
export interface Count {
  /** Of the counter: kind, scope and whose. */
  id: string;
  kind: CountKind;
  scope: LimitScope | 'account';
  /** For sentences: the model's name; empty elsewhere. */
  name: string;
  limit: number;
}

/** Who asks, as far as it is known. */
export interface Subjects {
  tenant: string;
  key: string | null;
  team: string | null;
  account: string | null;
  /** Of the caller's own label of an end user. */
  userHash: string;
}

export interface LimitBook {
  /** Whether there is any rule at all. */
  readonly any: boolean;
  /** Whether there is any for models. */
  readonly models: boolean;
  /** All but those of the model. */
  countsOf(of: Subjects): Count[];
  /** `model`: `provider/model`. */
  countsOfModel(model: string): Count[];
}

const FIELDS = { requests: 'requestsPerMinute', tokens: 'tokensPerMinute', concurrent: 'concurrent' } as const;

type Named = { covers(name: string, tenant: string): boolean; limits: RateLimits };

interface Scope {
  named: Named[];
  each: RateLimits | null;
}

/** A `*` stands for any text. Looks at each character a few times at most, whatever the pattern. */
export function pattern(match: string): (name: string) => boolean {
  const [first = '', ...middle] = match.split('*');
  const last = middle.pop();
  if (last === undefined) return (name) => name === match;
  return (name) => {
    if (!name.startsWith(first)) return false;
    let at = first.length;
    for (const piece of middle) {
      const found = name.indexOf(piece, at);
      if (found === -1) return false;
      at = found + piece.length;
    }
    return name.length - last.length >= at && name.endsWith(last);
  };
}

/**
 * For each field the rule counts that says most about whom it is for: the database's own, one of the file that names
 * it, the file's for each one. Of several that name it the first in the file.
 */
export function createLimitBook(
  rules: readonly LimitRule[],
  stored: readonly StoredLimits[],
  userHash: (tenant: string, user: string) => string,
): LimitBook {
  const scopes = new Map<LimitScope, Scope>(LIMIT_SCOPES.map((scope) => [scope, { named: [], each: null }]));
  for (const rule of rules) {
    const scope = scopes.get(rule.scope) as Scope;
    if (rule.match === null) scope.each = { ...rule, ...scope.each };
    else for (const match of rule.match) scope.named.push({ covers: covers(rule.scope, match), limits: rule });
  }
  /** Users are known by their hashes alone. */
  function covers(scope: LimitScope, match: string): Named['covers'] {
    if (scope === 'user') return (hash, tenant) => userHash(tenant, match) === hash;
    return pattern(match);
  }
  const own = new Map(stored.map((limits) => [`${limits.scope} ${limits.subject}`, limits]));
  const some = (scope: LimitScope): boolean => {
    const { named, each } = scopes.get(scope) as Scope;
    return named.length > 0 || each !== null;
  };
  const storedScopes = new Set<string>(stored.map(({ scope }) => scope));
  const models = some('model');
  const busy = Object.fromEntries(
    [...LIMIT_SCOPES, 'account'].map((scope) => [
      scope,
      storedScopes.has(scope) || (scope !== 'account' && some(scope as LimitScope)),
    ]),
  ) as Record<LimitScope | 'account', boolean>;

  function limitsOf(scope: LimitScope | 'account', subject: string, tenant: string): RateLimits | null {
    const found: RateLimits[] = [];
    const database = own.get(`${scope satisfies LimitScope | StoredScope} ${subject}`);
    if (database) found.push(database);
    const file = scope === 'account' ? undefined : scopes.get(scope);
    for (const { covers, limits } of file?.named ?? []) if (covers(subject, tenant)) found.push(limits);
    if (file?.each) found.push(file.each);
    if (found.length < 2) return found[0] ?? null;
    return Object.assign({}, ...found.toReversed().map(defined)) as RateLimits;
  }

  function add(counts: Count[], scope: LimitScope | 'account', subject: string | null, tenant: string): void {
    if (!busy[scope] || subject === null) return;
    const limits = limitsOf(scope, subject, tenant);
    if (limits === null) return;
    for (const kind of KINDS) {
      const limit = limits[FIELDS[kind]];
      if (limit === undefined) continue;
      counts.push({ id: `${kind} ${scope} ${subject}`, kind, scope, name: scope === 'model' ? subject : '', limit });
    }
  }

  return {
    any: rules.length > 0 || stored.length > 0,
    models,
    countsOf(of) {
      const counts: Count[] = [];
      add(counts, 'key', of.key, of.tenant);
      add(counts, 'user', of.userHash, of.tenant);
      add(counts, 'account', of.account, of.tenant);
      add(counts, 'team', of.team, of.tenant);
      add(counts, 'tenant', of.tenant, of.tenant);
      add(counts, 'global', '', of.tenant);
      return counts;
    },
    countsOfModel(model) {
      const counts: Count[] = [];
      add(counts, 'model', model, '');
      return counts;
    },
  };
}

/** Only the limits that are said. */
function defined(limits: RateLimits): RateLimits {
  return Object.fromEntries(
    Object.values(FIELDS).flatMap((field) => (limits[field] === undefined ? [] : [[field, limits[field]]])),
  );
}

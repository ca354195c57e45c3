/** Each tenant's shield: the rules of the house, those of the tenant, and what both say is done about findings. */
import { type FieldError, GoblinError } from '../contract/errors.ts';
import type { Sql, Telemetry } from '../contract/ports.ts';
import { keepVersions } from './kept.ts';
import { type ActionOf, type ActionSettings, actionsOf, activeRules } from './secrets/actions.ts';
import {
  type Compiled,
  compileDocument,
  faultsOf,
  type RulesDocument,
  SECRET_RULE_VERSIONS,
} from './secrets/document.ts';
import { createScanner, type Scanner } from './secrets/engine.ts';
import type { Action, Rule, RuleKind } from './secrets/rule.ts';
import { ALL_RULES, PII_RULES, SECRET_RULES } from './secrets/rules/index.ts';
import { createShield, type Shield, type TenantShield } from './shield.ts';
import type { Stored } from './versions.ts';

export interface Shields {
  /** Of whichever tenant. Null: nobody looks. */
  any: Shield | null;
  /** What is looked for, and what is done about it. Null: nobody looks. Throws `unavailable` when that cannot be known. */
  of(tenant: string): TenantShield | null;
  /** Replaces whatever any rule finds: for what a policy lets through only like that. */
  strict: Shield;
  /** All rules that there are, in force or not. Throws as `of`. */
  all(tenant: string): Scanner;
  /** The same for requests of a tenant that pass the same rules with the same actions. Throws as `of`. */
  mark(tenant: string, task: string): string;
  house: ActionSettings & { enabled: boolean };
  /** All rules of a tenant, and what is done about what they find when nothing is said of the task. Throws as `of`. */
  inForce(tenant: string): { id: string; title: string; kind: RuleKind; action: Action }[];
  read(tenant: string, version: number | null): Promise<Stored<RulesDocument> | null>;
  /** Throws `invalid_request` with every fault. Answers the new version, in force here at once. `own`: see guard/versions.ts. */
  save(tenant: string, document: RulesDocument, actor: string, expected: number | null, own: boolean): Promise<number>;
  /** After the record was away: waits until what was changed meanwhile is known. Null: nothing to wait for. Rejects with `unavailable`. */
  ready(): Promise<void> | null;
  /** Told with each sweep which version of all rules stands in the record: another one is read. */
  looked(rules: number): void;
  close(): void;
}

export interface ShieldsDeps {
  /** Null: no tenant has rules of its own. */
  sql: Pick<Sql, 'query' | 'lostFor'> | null;
  telemetry: Pick<Telemetry, 'log'>;
  house: ActionSettings & { enabled: boolean };
  /** Task types that requests can have. */
  tasks: readonly string[];
  /** A keyed digest of a value for a tenant, 16 hexadecimal digits or more. */
  digest(tenant: string, value: string): string;
  /** Scanners that are kept; a smaller number for tests. */
  most?: number;
}

/** A scanner takes some two megabytes, and 20 ms to make: those that were used last are kept. */
const MOST_SCANNERS = 64;
const ALL: readonly Rule[] = [...SECRET_RULES, ...PII_RULES];
const REDACTS: ActionOf = () => 'redact';

/** What a tenant's document comes to; the tables for its rules are made when they are first needed. */
interface Own {
  version: number;
  rules: readonly Rule[];
  actions: ActionSettings;
  actionOf: ActionOf;
  /** Those of which something else is said than of all. */
  tasks: ReadonlySet<string>;
  /** What is looked for, and what there is to look for. */
  active: Looked;
  all: Looked;
}

interface Looked {
  rules: readonly Rule[];
  /** The same for the same rules: tenants without rules of their own share scanners. */
  name: string;
}

/** Rejects when the record cannot be asked. */
export async function openShields(deps: ShieldsDeps): Promise<Shields> {
  const { sql, telemetry, house, digest, most = MOST_SCANNERS } = deps;
  const scanners = new Map<string, Scanner>();

  function ownOf({ rules, actions }: Compiled, whose: string, version: number): Own {
    const tasks = new Set([...Object.keys(house.tasks ?? {}), ...Object.keys(actions.tasks ?? {})]);
    const actionOf = actionsOf(house, actions);
    const looked = (some: readonly Rule[]): Looked => ({
      rules: [...some, ...rules],
      name: `${rules.length === 0 ? '' : `${whose} ${version}`}\n${some.map(({ id }) => id).join()}`,
    });
    const active = activeRules(ALL, actionOf, [...tasks]);
    return { version, rules, actions, actionOf, tasks, active: looked(active), all: looked(ALL) };
  }

  function make({ tenant, version, document }: Stored<RulesDocument>): Own {
    const own = ownOf(compileDocument(document), tenant, version);
    // Whether all of it fits into one scanner is found out now, not by the next request.
    if (document.rules.length > 0) createScanner(own.all.rules);
    return own;
  }

  const plain = ownOf({ rules: [], actions: {} }, '', 0);
  const kept = await keepVersions({ sql, telemetry, versions: SECRET_RULE_VERSIONS, make, what: 'rules' });
  const ownRules = (tenant: string): Own => kept.of(tenant) ?? plain;

  function scannerOf({ name, rules }: Looked): Scanner {
    const scanner = scanners.get(name) ?? createScanner(rules);
    scanners.delete(name);
    scanners.set(name, scanner);
    if (scanners.size > most) scanners.delete(scanners.keys().next().value as string);
    return scanner;
  }

  const all = (tenant: string): Scanner => scannerOf(ownRules(tenant).all);
  function of(tenant: string): TenantShield {
    const { active, actionOf, actions } = ownRules(tenant);
    return createShield(scannerOf(active), actionOf, digest, actions);
  }

  return {
    house,
    any: house.enabled ? shieldOf(of) : null,
    of: (tenant) => (house.enabled ? of(tenant) : null),
    strict: shieldOf((tenant) => createShield(all(tenant), REDACTS, digest)),
    all,
    mark(tenant, task) {
      const { version, tasks } = ownRules(tenant);
      return tasks.has(task) ? `${version} ${task}` : String(version);
    },
    inForce(tenant) {
      const { actionOf, rules } = ownRules(tenant);
      return [...ALL_RULES, ...rules].map(({ id, title, kind }) => ({
        ...{ id, title, kind },
        action: actionOf({ rule: id, kind }, null),
      }));
    },
    read: async (tenant, version) => (sql === null ? null : await SECRET_RULE_VERSIONS.read(sql, tenant, version)),
    async save(tenant, document, actor, expected, own) {
      if (sql === null) throw new GoblinError('unavailable', 'There is no record to keep rules in.');
      const errors = faultsOf(document, house, deps.tasks);
      if (errors.length > 0) throw refused(errors);
      checkFit(document);
      const version = await SECRET_RULE_VERSIONS.save(sql, tenant, document, actor, expected, own);
      await kept.take(tenant, version);
      return version;
    },
    ready: kept.ready,
    looked: kept.looked,
    close: kept.close,
  };
}

/** Tables have room for so many different characters in literals. */
function checkFit(document: RulesDocument): void {
  const { rules } = compileDocument(document);
  try {
    createScanner([...ALL, ...rules]);
  } catch (error) {
    throw refused([{ path: 'rules', message: error instanceof Error ? error.message : 'they are too many' }]);
  }
}

function refused(errors: readonly FieldError[]): GoblinError {
  const [first] = errors;
  const more = errors.length > 1 ? ` (and ${errors.length - 1} more, see errors)` : '';
  return new GoblinError('invalid_request', first ? `${first.path}: ${first.message}${more}.` : 'rules', { errors });
}

/** Of whichever tenant. */
const shieldOf = (of: (tenant: string) => Shield): Shield => ({
  protect: (tenant, content) => of(tenant).protect(tenant, content),
  protectInTurns: (tenant, content) => of(tenant).protectInTurns(tenant, content),
});

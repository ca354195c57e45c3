/** What a tenant sets for the scanner: rules of its own, and actions. Checked as a whole when it is saved. */
import { type FieldError, GoblinError } from '../../contract/errors.ts';
import { versionsOf } from '../versions.ts';
import { type ActionSettings, type Actions, isWeaker, saidOf } from './actions.ts';
import { createMeter, type Meter } from './meter.ts';
import { nameFault } from './named.ts';
import type { Action, Rule, RuleKind } from './rule.ts';
import { ALL_RULES } from './rules/index.ts';
import { compileTenantRule, RULE_ID } from './tenant.ts';

export interface OwnRule {
  id: string;
  description?: string;
  kind?: RuleKind;
  pattern?: string;
  ignore_case?: boolean;
  literals?: string[];
  /** Left out: that of its kind. */
  action?: Action;
}

export interface RulesDocument {
  rules: OwnRule[];
  actions: ActionSettings;
}

export const SECRET_RULE_VERSIONS = versionsOf<RulesDocument>({
  table: 'mcp_secret_rules',
  column: 'document',
  event: 'secret_rules.changed',
  // What the rules look for may be delicate itself.
  payload: `jsonb_build_object('version', version, 'actions', document -> 'actions', 'rules', coalesce((
    select jsonb_agg(jsonb_strip_nulls(jsonb_build_object('id', r -> 'id', 'kind', r -> 'kind', 'action', r -> 'action')))
    from jsonb_array_elements(document -> 'rules') r), '[]'))`,
  what: 'rules',
});

export const MOST_RULES = 100;
/** Rules that are tried over whole texts, whatever stands in them: each costs every text. */
const MOST_SWEEPS = 10;
/** How fast a rule must be over ordinary text: milliseconds for `SAMPLE`. */
const MOST_SAMPLE_MS = 100;
const SAMPLE =
  'The quick brown fox jumps over 13 lazy dogs; const total = items.map((item) => item.price * 1.19); // 2026-11-05\n'.repeat(
    600,
  );

export interface Compiled {
  rules: Rule[];
  /** With the actions that rules have themselves. */
  actions: ActionSettings;
}

/** Throws for what makes no sense; what was saved did once. */
export function compileDocument({ rules, actions }: RulesDocument, meter: Meter = createMeter()): Compiled {
  const own = Object.fromEntries(rules.flatMap(({ id, action }) => (action === undefined ? [] : [[id, action]])));
  return {
    rules: rules.map((rule) => compileTenantRule(asTenantRule(rule), meter)),
    // What is said of a rule among the actions comes first.
    actions: { ...actions, rules: { ...own, ...actions.rules } },
  };
}

function asTenantRule({ description, ignore_case: ignoreCase, ...rest }: OwnRule) {
  return {
    ...rest,
    ...(description === undefined ? {} : { title: description }),
    ...(ignoreCase === undefined ? {} : { ignoreCase }),
  };
}

/** Every fault, with its place. `house`: what `goblin.yaml` says, which a tenant cannot weaken; `tasks`: types that requests can have. */
export function faultsOf(document: RulesDocument, house: ActionSettings, tasks: readonly string[]): FieldError[] {
  const errors: FieldError[] = [];
  const ids = new Set(ALL_RULES.map(({ id }) => id));
  let sweeps = 0;
  if (document.rules.length > MOST_RULES) {
    errors.push({ path: 'rules', message: `there are ${document.rules.length}, ${MOST_RULES} are allowed` });
  }
  for (const [index, own] of document.rules.slice(0, MOST_RULES).entries()) {
    const path = `rules.${index}`;
    if (ids.has(own.id)) errors.push({ path: `${path}.id`, message: `${JSON.stringify(own.id)} is taken` });
    ids.add(own.id);
    const rule = ruleOf(own, path, errors);
    if (rule === null) continue;
    if (rule.sweep && !rule.literals?.length) sweeps++;
    const took = sampled(rule);
    if (took > MOST_SAMPLE_MS) {
      const message = `it takes ${Math.round(took)} ms for ${Math.round(SAMPLE.length / 1000)} kB of ordinary text; begin with fixed characters or name literals`;
      errors.push({ path: `${path}.pattern`, message });
    }
  }
  if (sweeps > MOST_SWEEPS) {
    const message = `${sweeps} patterns begin with anything and have no literals, ${MOST_SWEEPS} such are allowed`;
    errors.push({ path: 'rules', message });
  }
  errors.push(...actionFaults(document, ids, house, tasks));
  return errors;
}

function ruleOf(own: OwnRule, path: string, errors: FieldError[]): Rule | null {
  try {
    return compileTenantRule(asTenantRule(own), createMeter(Number.POSITIVE_INFINITY));
  } catch (error) {
    if (!(error instanceof GoblinError) || !error.errors) throw error;
    for (const { path: field, message } of error.errors) {
      errors.push({ path: `${path}.${field}`, message: field === 'id' ? message : `${message} (rule ${own.id})` });
    }
    return null;
  }
}

/**
 * What is wrong with patterns in a document whose form is not right yet, so that both are told in one round. `rules`:
 * as they came.
 */
export function patternFaults(rules: unknown): FieldError[] {
  const errors: FieldError[] = [];
  if (!Array.isArray(rules)) return errors;
  for (const [index, rule] of rules.slice(0, MOST_RULES).entries()) {
    const { id, pattern } = (rule ?? {}) as { id?: unknown; pattern?: unknown };
    if (typeof pattern !== 'string') continue;
    const named = typeof id === 'string' && RULE_ID.test(id) && nameFault(id) === null;
    ruleOf({ id: named ? id : 'unnamed', pattern }, `rules.${index}`, errors);
  }
  return errors;
}

function sampled({ sweep }: Rule): number {
  if (!sweep) return 0;
  const began = performance.now();
  sweep.find(SAMPLE, 0);
  return performance.now() - began;
}

function actionFaults(
  { rules, actions }: RulesDocument,
  ids: ReadonlySet<string>,
  house: ActionSettings,
  tasks: readonly string[],
): FieldError[] {
  const kinds = new Map(ALL_RULES.map(({ id, kind }) => [id, kind]));
  const errors: FieldError[] = [];

  const weak = (path: string, wanted: Action, rule: string, kind: RuleKind, task: string | null): void => {
    const said = saidOf(house, { rule, kind }, task);
    if (said === undefined || !isWeaker(wanted, said)) return;
    errors.push({ path, message: `goblin.yaml says ${said}; a tenant can only be stricter` });
  };
  for (const [index, { id, kind = 'credential', action }] of rules.entries()) {
    kinds.set(id, kind);
    if (action !== undefined) weak(`rules.${index}.action`, action, id, kind, null);
  }
  const look = (of: Actions, path: string, task: string | null): void => {
    for (const [id, action] of Object.entries(of.rules ?? {})) {
      const place = `${path}.rules.${id}`;
      if (!ids.has(id)) errors.push({ path: place, message: 'is no rule' });
      else weak(place, action, id, kinds.get(id) ?? 'credential', task);
    }
    // Of a kind as a whole: what goblin.yaml says of one rule in it holds for that rule all the same.
    for (const [kind, action] of Object.entries(of.kinds ?? {})) {
      weak(`${path}.kinds.${kind}`, action, '', kind as RuleKind, task);
    }
  };
  look(actions, 'actions', null);
  for (const [task, of] of Object.entries(actions.tasks ?? {})) {
    const path = `actions.tasks.${task}`;
    if (!tasks.includes(task)) errors.push({ path, message: `is no task type; there are ${tasks.join(', ')}` });
    look(of, path, task);
  }
  return errors;
}

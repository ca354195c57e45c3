/** What is done about findings. */
import type { Action, Finding, Rule, RuleKind } from './rule.ts';

/** Actions by rule, else by kind. */
export interface Actions {
  rules?: Readonly<Record<string, Action>>;
  kinds?: Partial<Readonly<Record<RuleKind, Action>>>;
}

/** What is said of a task comes before what is said of all. */
export interface ActionSettings extends Actions {
  tasks?: Readonly<Record<string, Actions>>;
}

/** `task`: the task type of the request; null: of all, as far as nothing else is said. */
export type ActionOf = (finding: Pick<Finding, 'rule' | 'kind'>, task: string | null) => Action;

export interface Decision {
  /** The strongest of all: `block` over `redact` over `flag` over `allow`. */
  action: Action;
  findings: readonly { finding: Finding; action: Action }[];
}

/** Credentials are redacted, private keys block, data about people is left alone. */
export const DEFAULT_ACTIONS: Readonly<Record<RuleKind, Action>> = {
  credential: 'redact',
  private_key: 'block',
  pii: 'allow',
};

const STRENGTH: Readonly<Record<Action, number>> = { allow: 0, flag: 1, redact: 2, block: 3 };

export const isWeaker = (one: Action, other: Action): boolean => STRENGTH[one] < STRENGTH[other];

export function decide(findings: readonly Finding[], actionOf: ActionOf, task: string | null = null): Decision {
  let action: Action = 'allow';
  const decided = findings.map((finding) => {
    const own = actionOf(finding, task);
    if (isWeaker(action, own)) action = own;
    return { finding, action: own };
  });
  return { action, findings: decided };
}

const at = <T>(of: Readonly<Record<string, T>> | undefined, name: string): T | undefined =>
  of !== undefined && Object.hasOwn(of, name) ? of[name] : undefined;

/** What these settings themselves say; undefined: nothing. */
export function saidOf(
  { tasks, ...all }: ActionSettings,
  { rule, kind }: Pick<Finding, 'rule' | 'kind'>,
  task: string | null,
): Action | undefined {
  const of = task === null ? undefined : at(tasks, task);
  return at(of?.rules, rule) ?? of?.kinds?.[kind] ?? at(all.rules, rule) ?? all.kinds?.[kind];
}

/** What the house says holds whatever the tenant says, who can only be stricter; where it says nothing, he is free. */
export function actionsOf(house: ActionSettings = {}, own: ActionSettings = {}): ActionOf {
  return (finding, task) => {
    const said = saidOf(house, finding, task);
    const wanted = saidOf(own, finding, task);
    if (wanted === undefined) return said ?? DEFAULT_ACTIONS[finding.kind];
    return said !== undefined && isWeaker(wanted, said) ? said : wanted;
  };
}

/** The rules that can do anything at all, in any of the tasks: what is allowed need not be looked for. */
export function activeRules(rules: readonly Rule[], actionOf: ActionOf, tasks: readonly string[] = []): Rule[] {
  const all = [null, ...tasks];
  return rules.filter(
    ({ id, kind, pattern }) =>
      // The rule for names finds for others too.
      typeof pattern === 'function' || all.some((task) => actionOf({ rule: id, kind }, task) !== 'allow'),
  );
}

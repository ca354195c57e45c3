/** What is done about findings. */
import type { Action, Finding, Rule, RuleKind } from './rule.ts';

/** Actions by rule, else by kind, else the rule's own. */
export interface ActionSettings {
  rules?: Readonly<Record<string, Action>>;
  kinds?: Partial<Readonly<Record<RuleKind, Action>>>;
}

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

export function decide(findings: readonly Finding[], settings: ActionSettings = {}): Decision {
  let action: Action = 'allow';
  const decided = findings.map((finding) => {
    const own = actionOf(finding, settings);
    if (STRENGTH[own] > STRENGTH[action]) action = own;
    return { finding, action: own };
  });
  return { action, findings: decided };
}

export function actionOf(finding: Pick<Finding, 'rule' | 'kind'>, settings: ActionSettings): Action {
  const { rules = {}, kinds = {} } = settings;
  const own = Object.hasOwn(rules, finding.rule) ? rules[finding.rule] : undefined;
  return own ?? kinds[finding.kind] ?? DEFAULT_ACTIONS[finding.kind];
}

/** The rules that can do anything at all: what is allowed need not be looked for. */
export function activeRules(rules: readonly Rule[], settings: ActionSettings = {}): Rule[] {
  const named = new Set(
    Object.entries(settings.rules ?? {}).flatMap(([id, action]) => (action === 'allow' ? [] : [id])),
  );
  return rules.filter((rule) => {
    const action = actionOf({ rule: rule.id, kind: rule.kind }, settings);
    // The rule for names finds for others too.
    return action !== 'allow' || named.has(rule.id) || typeof rule.pattern === 'function';
  });
}

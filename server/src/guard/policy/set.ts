/** A set of policies that decides: each decision is kept under what the set can see of a request. */
import type { CedarValueJson, Context, EntityUid } from '@cedar-policy/cedar-wasm/nodejs';
import { GoblinError } from '../../contract/errors.ts';
import type { Cedar } from './cedar.ts';
import type { OnePolicy } from './check.ts';
import { type Facts, type Target, timeOf, usdOf } from './facts.ts';
import { BASE, REDACTION } from './schema.ts';
import { type Sight, sightOf } from './sight.ts';

export interface Verdict {
  allow: boolean;
  /** It may be sent only after what the scanner found was replaced. */
  redact: boolean;
  /** Ids of the policies that decided; none: nothing permits it. */
  by: readonly string[];
  /** What the deciding policies say, null when they say nothing. */
  reason: string | null;
}

export interface PolicySet {
  /** Which set it is and which version of it: `tenant 3`, `goblin.yaml 1a2b3c4d`. */
  version: string;
  /** Whether it looks at what the scanner finds. */
  seesFindings: boolean;
  /** Whether it looks at what was spent: then that must be known before it is asked. */
  seesSpent: boolean;
  /** Throws `unavailable` when the engine cannot decide: nothing is let in then. */
  decide(facts: Facts, target: Target): Verdict;
}

const KEPT = 10_000;
const NOBODY: readonly string[] = [];

const uid = (type: string, id: string) => ({ type, id });
const decimal = (text: string) => ({ __extn: { fn: 'decimal', arg: text } });

/** `slot` is the engine's own name for the set: another one in the same slot takes its place. */
export function createPolicySet(
  cedar: Cedar,
  slot: string,
  version: string,
  policies: readonly OnePolicy[],
): PolicySet {
  const permits = policies.some(({ json }) => json.effect === 'permit' && json.annotations?.require === undefined);
  const all = permits ? policies : [...policies, BASE];
  const staticPolicies = Object.fromEntries(all.map(({ id, cedar: text }) => [id, text]));
  const ready = cedar.preparsePolicySet(slot, { staticPolicies });
  if (ready.type === 'failure') throw undecided(ready.errors[0]?.message);
  const sight = sightOf(policies.map(({ json }) => json));
  const notes = new Map(policies.map(({ id, json }) => [id, json.annotations ?? {}]));
  const kept = new Map<string, Verdict>();

  function ask(facts: Facts, target: Target): Verdict {
    const { principal, parents } = principalOf(facts);
    const model = uid('Model', `${target.provider}/${target.model}`);
    const { provider, local } = target;
    const answer = cedar.statefulIsAuthorized({
      principal,
      action: uid('Action', facts.action),
      resource: model,
      context: contextOf(facts, target),
      preparsedPolicySetId: slot,
      entities: [
        { uid: principal, attrs: {}, parents },
        {
          uid: model,
          attrs: { name: target.model, provider, local },
          parents: [uid('Provider', provider), uid('Task', facts.task)],
        },
      ],
    });
    if (answer.type === 'failure') throw undecided(answer.errors[0]?.message);
    const { decision, diagnostics } = answer.response;
    // A policy that cannot be worked out counts for nothing, and it may be the one that forbids.
    if (diagnostics.errors.length > 0) throw undecided(diagnostics.errors[0]?.error.message);
    const allow = decision === 'allow';
    const by = diagnostics.reason.filter((id) => id !== BASE.id).sort();
    const reasons = by.flatMap((id) => notes.get(id)?.reason ?? []);
    return {
      allow,
      redact: allow && by.some((id) => notes.get(id)?.require === REDACTION),
      by,
      reason: reasons.length === 0 ? null : reasons.join('; '),
    };
  }

  return {
    version,
    seesFindings: sees(sight, 'findings'),
    seesSpent: sees(sight, 'spent_usd') || sees(sight, 'spent'),
    decide(facts, target) {
      const key = keyOf(sight, facts, target);
      const known = kept.get(key);
      if (known) {
        // The last one to go is the one that was asked for last.
        kept.delete(key);
        kept.set(key, known);
        return known;
      }
      const verdict = ask(facts, target);
      if (kept.size >= KEPT) kept.delete(kept.keys().next().value as string);
      kept.set(key, verdict);
      return verdict;
    },
  };
}

const undecided = (why: string | undefined) =>
  new GoblinError('unavailable', 'The policies cannot be worked out for this request, so it is not let in.', {
    retryAfterMs: 5000,
    cause: why,
  });

const sees = ({ context }: Sight, attribute: string): boolean => context === null || context.has(attribute);

function principalOf({ tenant, key, user, team, roles }: Facts): { principal: EntityUid; parents: EntityUid[] } {
  const groups = [
    uid('Tenant', tenant),
    ...(team === undefined ? [] : [uid('Team', team)]),
    ...(roles ?? NOBODY).map((role) => uid('Role', role)),
  ];
  return key === null
    ? { principal: uid('User', user), parents: groups }
    : { principal: uid('Key', key), parents: [uid('User', user), ...groups] };
}

function contextOf(facts: Facts, target: Target): Context {
  const cost = target.costPico();
  return {
    ...timeOf(facts.at),
    data_class: facts.dataClass,
    findings: [...facts.findings],
    tools: [...facts.tools],
    ...(cost === null ? {} : { cost_usd: decimal(usdOf(cost)) }),
    spent_usd: decimal(usdOf(facts.spent?.month ?? 0)),
    spent: spentOf(facts),
    region: target.region,
  };
}

function spentOf({ spent }: Facts): Record<string, CedarValueJson> {
  const { day = 0, month = 0, key } = spent ?? {};
  return {
    day: decimal(usdOf(day)),
    month: decimal(usdOf(month)),
    ...(key ? { key_day: decimal(usdOf(key.day)), key_month: decimal(usdOf(key.month)) } : {}),
  };
}

/** Everything that the set can see, and nothing else. */
function keyOf(sight: Sight, facts: Facts, target: Target): string {
  const { types, resource } = sight;
  const seen: unknown[] = [facts.action];
  if (types.has('Key')) seen.push('key', facts.key);
  if (types.has('User')) seen.push('user', facts.user, facts.key === null);
  if (types.has('Team')) seen.push('team', facts.team);
  if (types.has('Tenant')) seen.push('tenant', facts.tenant);
  if (types.has('Role')) seen.push('roles', facts.roles);
  if (types.has('Task')) seen.push('task', facts.task);
  const whole = types.has('Model');
  if (whole || types.has('Provider') || resource.has('provider')) seen.push('provider', target.provider);
  if (whole || resource.has('name')) seen.push('model', target.model);
  if (resource.has('local')) seen.push('local', target.local);
  if (sees(sight, 'hour')) seen.push('hour', timeOf(facts.at).hour);
  if (sees(sight, 'weekday')) seen.push('weekday', timeOf(facts.at).weekday);
  if (sees(sight, 'data_class')) seen.push('class', facts.dataClass);
  if (sees(sight, 'findings')) seen.push('findings', facts.findings);
  if (sees(sight, 'tools')) seen.push('tools', facts.tools);
  if (sees(sight, 'cost_usd')) {
    const cost = target.costPico();
    seen.push('cost', cost === null ? null : usdOf(cost));
  }
  if (sees(sight, 'spent_usd')) seen.push('month', usdOf(facts.spent?.month ?? 0));
  if (sees(sight, 'spent')) seen.push('spent', spentOf(facts));
  if (sees(sight, 'region')) seen.push('region', target.region);
  return JSON.stringify(seen);
}

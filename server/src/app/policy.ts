/** Policies of a process: read from file and record, and asked about every request that is to run. */
import { readFileSync } from 'node:fs';
import { basename, dirname, resolve } from 'node:path';
import type { Caller } from '../contract/caller.ts';
import { GoblinError } from '../contract/errors.ts';
import type { Submission } from '../contract/flow.ts';
import type { Sql, Telemetry } from '../contract/ports.ts';
import type { Price, Provider } from '../contract/provider.ts';
import type { Claim, PolicyDecision, RunPlan, StoredAsker } from '../contract/record.ts';
import type { PolicyText } from '../guard/policy/check.ts';
import { storedAsker, type Target, toolsOf } from '../guard/policy/facts.ts';
import type { Judge, PolicyQuestion } from '../guard/policy/judge.ts';
import { openPolicies, type Policies, type PoliciesDeps, PolicyFault } from '../guard/policy/policies.ts';
import { createSpending } from '../guard/policy/spending.ts';
import type { Shield } from '../guard/shield.ts';
import type { Shields } from '../guard/shields.ts';
import type { Clock } from '../ledger/clock.ts';
import { spentByKey } from '../ledger/usage.ts';
import { estimateCost, estimateInputTokens } from '../money/estimate.ts';
import type { Plan } from '../routing/plan.ts';
import type { PlanRequest } from '../routing/request.ts';
import { type Config, ConfigError } from './config.ts';
import type { Live } from './live.ts';

export interface PolicyRoom {
  policies: Policies;
  /** Waits for what the policies of a tenant look at beside the request. Null: nothing. Rejects with `unavailable`. */
  ready(tenant: string): Promise<void> | null;
  /** Null: no policy concerns it. */
  ofCaller(caller: Caller, submission: Submission): Judge | null;
  ofClaim(claim: Claim): Judge | null;
  /** Of a call whose content and model nobody here can read. Null: no policy concerns it. Rejects with `policy_denied`. */
  checkRaw(
    caller: Caller,
    provider: Provider,
    labels: Record<string, string> | null,
    pico: number,
  ): Promise<PolicyDecision | null>;
  targetOf(provider: string, model: string, costPico: () => number | null): Target;
  close(): void;
}

export interface PolicyRoomDeps {
  config: Pick<Config, 'settings' | 'settingsFile'>;
  live: Live;
  recorder: Telemetry;
  sql: Sql | null;
  clock: Pick<Clock, 'now'>;
}

/** What an answer usually comes to when nobody bounds it. Tokens. */
const USUAL_OUTPUT = 500;

/** Those of goblin.yaml, and the record's if there is one. Throws `ConfigError` for such as make no sense. */
export async function openFilePolicies(
  config: PolicyRoomDeps['config'],
  deps: Omit<PoliciesDeps, 'file'>,
): Promise<Policies> {
  const { settings } = config;
  const fromFile = settings.policyFile === null ? [] : [readPolicyFile(pathOf(config))];
  return await openPolicies({ ...deps, file: [...settings.policies, ...fromFile] }).catch((error: unknown) => {
    throw error instanceof PolicyFault ? faultOf(error, settings.policies.length, pathOf(config)) : error;
  });
}

export async function openPolicyRoom(
  { clock, config, live, recorder, sql }: PolicyRoomDeps,
  shields: Pick<Shields, 'all'>,
  price: (provider: Provider, model: string) => Price | null,
): Promise<PolicyRoom> {
  const policies = await openFilePolicies(config, { sql, telemetry: recorder });
  const spending = createSpending({
    read: async (tenant, from, until) => (sql === null ? [] : await spentByKey(sql, tenant, from, until)),
    now: clock.now,
    telemetry: recorder,
  });
  const known = (tenant: string) => (policies.seesSpent(tenant) ? spending.ready(tenant) : null);
  function ready(tenant: string): Promise<void> | null {
    const caught = policies.ready();
    return caught === null ? known(tenant) : caught.then(() => known(tenant) ?? undefined);
  }

  function findingsOf(tenant: string, call: Submission['call']): string[] {
    const scanner = shields.all(tenant);
    const kinds = new Set<string>();
    for (const { content } of call.messages) {
      for (const item of content) {
        const text = item.type === 'tool_call' ? item.arguments : 'text' in item ? item.text : '';
        for (const { kind } of scanner.scan(text)) kinds.add(kind);
      }
    }
    return [...kinds];
  }

  const targetOf: PolicyRoom['targetOf'] = (provider, model, costPico) => {
    const found = live.provider(provider);
    return { provider, model, local: found?.local ?? false, region: found?.parameters?.region ?? '', costPico };
  };

  function question(
    tenant: string,
    key: string | null,
    asker: StoredAsker,
    { call, taskType }: Pick<Submission, 'call' | 'taskType'>,
  ): PolicyQuestion {
    const { dataClass = '', ...who } = asker;
    let tokens: number | null = null;
    const costOf = (name: string, model: string): number | null => {
      const provider = live.provider(name);
      if (provider === null) return null;
      if (provider.free) return 0;
      const known = price(provider, model);
      if (known === null) return null;
      tokens ??= estimateInputTokens(call);
      const most = live.info(provider, model)?.maxOutput ?? Number.POSITIVE_INFINITY;
      return estimateCost(tokens, call.kind === 'embed' ? 0 : Math.min(call.maxTokens ?? USUAL_OUTPUT, most), known);
    };
    return {
      ...who,
      tenant,
      key,
      action: call.kind === 'embed' ? 'embed' : 'ask',
      task: taskType,
      dataClass,
      tools: toolsOf(call),
      at: clock.now(),
      findings: () => findingsOf(tenant, call),
      spent: () => spending.of(tenant, key),
      target: (provider, model) => targetOf(provider, model, () => costOf(provider, model)),
    };
  }

  return {
    policies,
    ready,
    targetOf,
    ofCaller: (caller, submission) =>
      policies.judge(caller.tenant, () =>
        question(caller.tenant, caller.key, storedAsker(caller, submission.labels), submission),
      ),
    ofClaim: ({ tenant, keyId, body, taskType }) =>
      policies.judge(tenant, () =>
        question(tenant, keyId, body.asker ?? { user: body.by ?? keyId ?? '' }, { call: body.call, taskType }),
      ),
    async checkRaw(caller, provider, labels, pico) {
      await ready(caller.tenant);
      const judge = policies.judge(caller.tenant, () => ({
        ...question(caller.tenant, caller.key, storedAsker(caller, labels), {
          call: { kind: 'raw', messages: [] },
          taskType: 'raw',
        }),
        action: 'raw',
        target: (name, model) => targetOf(name, model, () => pico),
      }));
      if (judge === null) return null;
      const why = judge.forbids(provider.name, RAW_MODEL);
      if (why !== null) throw judge.refusal(new GoblinError('forbidden', why));
      const decision = judge.decision([{ provider: provider.name, model: RAW_MODEL }]);
      if (decision.redact) {
        throw new GoblinError(
          'policy_denied',
          'A policy lets this through only without what the scanner finds, and raw calls are not read.',
        );
      }
      return decision;
    },
    close: policies.close,
  };
}

/** In place of a model's name, which a raw call does not say. */
const RAW_MODEL = 'raw';

/** With what the judge forbids, beside what the key does. */
export function judged<R extends PlanRequest>(request: R, judge: Judge | null): R {
  if (judge === null) return request;
  const { forbids } = request;
  return {
    ...request,
    forbids: (provider: string, model: string) => forbids?.(provider, model) ?? judge.forbids(provider, model),
  };
}

/** The plan with what the policies had to say of it. Throws `policy_denied` where they left nothing. */
export function underPolicy<P extends Plan | Promise<Plan>>(judge: Judge | null, plan: () => P): P {
  if (judge === null) return plan();
  const decided = (made: Plan): Plan & Pick<RunPlan, 'policy'> => ({
    ...made,
    policy: judge.decision([...made.targets, ...(made.unwell ?? [])]),
  });
  try {
    const made = plan();
    if (!(made instanceof Promise)) return decided(made as Plan) as P;
    return made.then(decided, (error: unknown) => {
      throw judge.refusal(error);
    }) as P;
  } catch (error) {
    throw judge.refusal(error);
  }
}

/** A request waits in the queue as it was let in: what a later policy asks for cannot be done to it any more. */
export function refuseUnredacted(strict: Shield, claim: Claim, plan: RunPlan): RunPlan {
  if (!plan.policy?.redact) return plan;
  const { call, metadata } = claim.body;
  if (strict.protect(claim.tenant, { call, metadata, labels: null }).found.length === 0) return plan;
  throw new GoblinError(
    'policy_denied',
    'A policy that came into force while the request waited lets it through only without what the scanner finds in it; send it again.',
  );
}

/** Of `policy_file`, by its path from `goblin.yaml`. */
const pathOf = ({ settings, settingsFile }: PolicyRoomDeps['config']): string =>
  resolve(dirname(resolve(settingsFile ?? 'goblin.yaml')), settings.policyFile ?? '');

function readPolicyFile(path: string): PolicyText {
  try {
    return { id: basename(path).replace(/\.cedar$/, ''), cedar: readFileSync(path, 'utf8') };
  } catch {
    throw new ConfigError(`goblin.yaml: policy_file: ${path} cannot be read; name a file with Cedar policies.`);
  }
}

/** `inline`: how many stand in goblin.yaml itself; after these comes the file. */
function faultOf({ message, place }: PolicyFault, inline: number, path: string): ConfigError {
  if (place === null || place.text < inline) return new ConfigError(`goblin.yaml: ${message}.`);
  const where = place.at === null ? '' : `:${place.at.line}:${place.at.column}`;
  return new ConfigError(`${path}${where}: ${place.what}.`);
}

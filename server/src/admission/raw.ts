/**
 * May a raw call run? The list of admit.ts for calls of which nobody here knows what they do; whoever adds a step there
 * adds it here.
 *
 *   permission → record → models of the key → provider → price → policy → secrets → limits, hold → accept
 */
import type { Caller } from '../contract/caller.ts';
import { GoblinError } from '../contract/errors.ts';
import type { Provider } from '../contract/provider.ts';
import { RAW, type RawAdmitted, type RawCall } from '../contract/raw.ts';
import type { Acceptance, PolicyDecision } from '../contract/record.ts';
import type { CheckRawSecrets } from '../guard/raw-secrets.ts';
import { allowsAllOf } from '../identity/models.ts';
import type { Allowance } from './allowance.ts';

export interface RawAdmissionDeps {
  /** Those of the tenant. */
  providers(tenant: string): readonly Provider[];
  /** What `goblin.yaml` says of the provider: US dollars for a call, and whether it may be called so at all. */
  entry(provider: string): { raw?: boolean; raw_price_usd?: number } | undefined;
  /** Waits for a record that is away. Throws when it stays away, and when the process stops. */
  recordBack(): Promise<void>;
  userHash(tenant: string, user: string): string;
  userKeyId: string;
  /** Null: no policy concerns it. Rejects with `policy_denied`, and `unavailable`. */
  checkPolicy(
    caller: Caller,
    provider: Provider,
    labels: RawCall['labels'],
    pico: number,
  ): Promise<PolicyDecision | null>;
  /** Throws `secret_blocked`. */
  checkSecrets: CheckRawSecrets;
  /** Left out: nothing is limited. */
  allowance?: Allowance;
}

/** Throws for every refusal. */
export async function admitRaw(
  deps: RawAdmissionDeps,
  caller: Caller,
  id: string,
  call: RawCall,
): Promise<RawAdmitted> {
  if (!caller.permissions.has('request:write')) {
    throw new GoblinError('forbidden', 'This key may not call providers; use one that was made for it.');
  }
  await deps.recordBack();
  const name = call.provider;
  // Nobody here can tell which model a raw call asks.
  if (!allowsAllOf(caller.models, name)) {
    throw new GoblinError(
      'forbidden',
      `This key is for some models only; raw calls to ${name} need one for ${name}/*.`,
    );
  }
  const provider = deps.providers(caller.tenant).find((one) => one.name === name);
  if (!provider) throw unknown(name, deps.providers(caller.tenant));
  const entry = deps.entry(name);
  if (entry?.raw === false) {
    throw new GoblinError(
      'forbidden',
      `Raw calls to ${name} are switched off: providers.${name}.raw is false in goblin.yaml.`,
    );
  }
  const usd = entry?.raw_price_usd ?? (provider.free ? 0 : null);
  if (usd === null) {
    throw new GoblinError(
      'forbidden',
      `Raw calls to ${name} have no price: set providers.${name}.raw_price_usd in goblin.yaml to what one call is charged with, in US dollars.`,
    );
  }
  const pico = Math.round(usd * 1e12);
  const policy = await deps.checkPolicy(caller, provider, call.labels, pico);
  await deps.checkSecrets(caller, id, call);
  const priceVersion = entry?.raw_price_usd === undefined ? 'free' : 'settings';
  const acceptance = acceptanceOf(deps, caller, id, call, pico, priceVersion);
  const admitted = { provider, pico, priceVersion, acceptance, ...(policy === null ? {} : { policy }) };
  if (!deps.allowance?.any()) return admitted;
  const taken = await deps.allowance.raw(caller, call, pico);
  return { ...admitted, acceptance: { ...acceptance, holds: taken.holds }, entry: taken };
}

/** Neither the body nor the query of the call is kept: nobody here knows what is in them. */
function acceptanceOf(
  deps: RawAdmissionDeps,
  caller: Caller,
  id: string,
  call: RawCall,
  pico: number,
  priceVersion: string,
): Acceptance {
  return {
    id,
    keyId: caller.key,
    kind: RAW,
    mode: 'attached',
    priority: 5,
    taskType: RAW,
    model: null,
    userHash: deps.userHash(caller.tenant, call.userId),
    userKeyId: deps.userKeyId,
    notBefore: null,
    deadlineMs: call.deadlineMs,
    failover: 'fail',
    callbackUrl: null,
    labels: call.labels,
    idempotency: call.idempotency,
    body: { call: { kind: RAW, messages: [] }, hints: [], metadata: null },
    estimatePico: pico,
    priceVersion,
    ...(caller.team === undefined ? {} : { team: caller.team }),
  };
}

function unknown(name: string, providers: readonly Provider[]): GoblinError {
  const names = providers.map((provider) => provider.name);
  const list = names.length > 12 ? `${names.slice(0, 12).join(', ')} and ${names.length - 12} more` : names.join(', ');
  return new GoblinError('not_found', `The provider ${name} is not configured. Configured: ${list || 'none'}.`);
}

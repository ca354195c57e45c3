/** A submission as it may be stored and sent: what the scanner finds in it is replaced or refused, and noted. */
import type { Caller } from '../contract/caller.ts';
import type { Submission } from '../contract/flow.ts';
import type { Ledger } from '../contract/ports.ts';
import type { FoundSecret, Shield, Shielded } from '../guard/shield.ts';
import type { Vault } from '../guard/vault.ts';

export interface SecretsDeps {
  /** Null: nobody looks for secrets. */
  shield: Shield | null;
  vault: Vault;
  /** Replaces whatever any rule finds. */
  strict: Shield;
  ledger: Pick<Ledger, 'note'>;
}

export interface Secrets {
  /** The submission without the secrets of its caller; a promise when it is long. Throws `secret_blocked`. */
  shield(caller: Caller, submission: Submission, id: string): Submission | Promise<Submission>;
  /** What a policy lets through only without what any rule finds. The submission itself is changed. */
  redact(caller: Caller, submission: Submission, id: string): Promise<void>;
}

export function createSecrets(deps: SecretsDeps): Secrets {
  function note(caller: Caller, { mode }: Submission, id: string, found: readonly FoundSecret[]): void {
    for (const { rule, action, place, fingerprint } of found) {
      const finding = { rule, action, place, fingerprint, key: caller.key, mode };
      deps.ledger.note(caller.tenant, 'guard.finding', finding, id).catch(() => {});
    }
  }

  function shielded(caller: Caller, submission: Submission, id: string, safe: Shielded): Submission {
    if (safe.found.length === 0) return submission;
    note(caller, submission, id, safe.found);
    const { mapping } = safe;
    return {
      ...submission,
      call: safe.call,
      metadata: safe.metadata,
      labels: safe.labels,
      ...(mapping.size > 0 ? { secrets: { mapping, sealed: deps.vault.seal(caller.tenant, mapping) } } : {}),
    };
  }

  return {
    shield(caller, submission, id) {
      const { call, metadata, labels, taskType: task } = submission;
      if (!deps.shield) return submission;
      const safe = deps.shield.protectInTurns(caller.tenant, { call, metadata, labels, task });
      if (safe instanceof Promise) return safe.then((later) => shielded(caller, submission, id, later));
      return shielded(caller, submission, id, safe);
    },

    async redact(caller, submission, id) {
      const { call, metadata, labels, secrets } = submission;
      const safe = await deps.strict.protectInTurns(caller.tenant, { call, metadata, labels });
      if (safe.found.length === 0) return;
      note(caller, submission, id, safe.found);
      const mapping = new Map([...(secrets?.mapping ?? []), ...safe.mapping]);
      submission.call = safe.call;
      submission.metadata = safe.metadata;
      submission.labels = safe.labels;
      submission.secrets = { mapping, sealed: deps.vault.seal(caller.tenant, mapping) };
    },
  };
}

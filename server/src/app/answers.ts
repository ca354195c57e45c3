/** What looks for secrets in answers, wired to the record. */
import type { Ledger } from '../contract/ports.ts';
import { createAnswerShields, type OpenAnswer } from '../guard/answers.ts';
import type { Shields } from '../guard/shields.ts';
import type { Vault } from '../guard/vault.ts';
import type { Settings } from '../settings/settings.ts';

/** Undefined: nobody looks at answers. `digest`: a keyed digest of a value for a tenant. */
export function openAnswers(
  { secrets }: Pick<Settings, 'secrets'>,
  shields: Pick<Shields, 'of' | 'all' | 'mark'>,
  digest: (tenant: string, value: string) => string,
  vault: Vault,
  ledger: Pick<Ledger, 'note'>,
): OpenAnswer | undefined {
  if (!secrets.enabled || !secrets.answers.enabled) return undefined;
  return createAnswerShields({
    shields,
    settings: secrets.answers,
    digest,
    vault,
    note: (tenant, finding, request) => void ledger.note(tenant, 'guard.finding', finding, request).catch(() => {}),
  });
}

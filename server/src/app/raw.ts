/** Raw calls, wired: admission, then execution. */
import { admitRaw } from '../admission/raw.ts';
import { GoblinError } from '../contract/errors.ts';
import type { RunRaw } from '../contract/raw.ts';
import { runRaw } from '../execution/raw.ts';
import { createRawSecrets } from '../guard/raw-secrets.ts';
import { allowsAllOf } from '../identity/models.ts';
import type { House } from './assembly.ts';

export function rawOf(house: House): RunRaw {
  const { secrets } = house;
  const { providers } = house.config.settings;
  const deps = {
    providers: (tenant: string) => house.live.of(tenant).providers(),
    entry: (name: string) => (Object.hasOwn(providers, name) ? providers[name] : undefined),
    recordBack: house.admission.recordBack,
    userHash: secrets.userHash,
    userKeyId: secrets.digestsFrom,
    checkPolicy: house.policy.checkRaw,
    checkSecrets: createRawSecrets({
      shields: house.shields,
      digest: secrets.secretDigest,
      note: (tenant, finding, request) =>
        void house.ledger.note(tenant, 'guard.finding', finding, request).catch(() => {}),
    }),
    allowance: house.allowance.allowance,
  };
  return async (caller, id, call, hop, listener) => {
    if (!allowsAllOf(caller.models, call.provider)) {
      throw new GoblinError(
        'forbidden',
        `The key is bound to some models, so it makes no raw calls to ${call.provider}; bind it to ${call.provider}/* too.`,
      );
    }
    house.live.of(caller.tenant).refuseUnreadable(call.provider);
    return runRaw(house.attached, caller, await admitRaw(deps, caller, id, call), call, hop, listener);
  };
}

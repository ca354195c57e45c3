/** Seals everything in the record with the current `MCP_SECRET`, so that the one before can be dropped. */
import type { Caller } from '../contract/caller.ts';
import { GoblinError } from '../contract/errors.ts';
import type { Sql } from '../contract/ports.ts';
import type { SecretDeps } from '../edge/secret.ts';
import { resealDigestKeys } from '../identity/digest-keys.ts';
import { createContent } from '../ledger/content.ts';
import { oldWriter } from '../ledger/processes.ts';
import { rotateStep } from '../ledger/rotate.ts';
import type { House } from './assembly.ts';

export function rotationOf(house: House, sql: Sql): SecretDeps {
  const { bodies, ledger, providerKeys, ring, sealer, vault } = house;
  const content = createContent(sealer, bodies.of);
  const deps = {
    content,
    resealVault(tenant: string, sealed: string): string | null {
      const mapping = vault.open(tenant, sealed);
      return mapping && vault.seal(tenant, mapping);
    },
  };

  return {
    async step(by: Caller, after: string | null, forgetLost: boolean) {
      const other = await oldWriter(sql, ring.current.id);
      if (other !== null) {
        throw new GoblinError(
          'invalid_request',
          `The process ${other} still writes with another MCP_SECRET; start it again with the new one, and the old one in MCP_SECRET_PREVIOUS, and ask again.`,
        );
      }
      const first = { resealed: 0, lost: 0 };
      if (after === null) {
        if (!(await resealDigestKeys(sql, ring, sealer, forgetLost))) first.lost++;
        const keys = await providerKeys.reseal(sql);
        first.resealed += keys.resealed;
        first.lost += keys.lost;
      }
      const { next, resealed, lost } = await rotateStep(sql, deps, after);
      if (next === null) {
        const previous = ring.all.slice(1).map(({ id }) => id);
        await ledger.note(by.tenant, 'secret.rotated', { secret: ring.current.id, previous, by: by.key ?? by.user });
      }
      return { next, resealed: first.resealed + resealed, lost: first.lost + lost };
    },
  };
}

/** The trail from outside: read, verified, and signed as a receipt. */
import { createPublicKey, sign } from 'node:crypto';
import { canonical } from '../contract/canonical.ts';
import type { Sql } from '../contract/ports.ts';
import type { AuditDeps } from '../edge/audit.ts';
import type { ReceiptDeps } from '../edge/receipt.ts';
import { note } from '../identity/events.ts';
import { deriveAuditKey } from '../identity/secrets.ts';
import { auditKeys, proveEvents, readAudit } from '../ledger/audit-read.ts';
import { verifyAudit } from '../ledger/audit-verify.ts';
import { costOf } from '../money/cost.ts';
import { linesOf } from '../money/lines.ts';
import type { House } from './assembly.ts';

export function auditDeps(sql: Sql, ledger: House['ledger'], house: House): AuditDeps & ReceiptDeps {
  const signer = deriveAuditKey(house.secret);
  const known = new Map(
    house.ring.all.map(({ secret }) => {
      const { id, key } = deriveAuditKey(secret);
      return [id, createPublicKey(key)];
    }),
  );
  const ours = [...known].map(([id, key]) => [id, key.export({ type: 'spki', format: 'pem' }) as string] as const);
  return {
    ledger,
    read: (tenant, filter) => readAudit(sql, tenant, filter),
    verify: () => verifyAudit(sql, known),
    note: (by, type, payload) => note(sql, by.tenant, type, by.key ?? by.user, payload),
    lines(tenant, { provider: name, model, usage, costPico, priceVersion }) {
      const provider = house.live.of(tenant).provider(name);
      const price = usage && provider ? house.allowance.price(provider, model) : null;
      // The price of today is shown only where it is the one that was paid.
      if (!usage || !price || price.version !== priceVersion || costOf(usage, price) !== costPico) return null;
      return linesOf(usage, price);
    },
    prove: (tenant, id) => proveEvents(sql, tenant, id),
    async sign(receipt) {
      // Blocks may have been signed with a secret that was dropped since.
      const public_keys = Object.fromEntries([...(await auditKeys(sql)), ...ours]);
      const signed = { ...receipt, key_id: signer.id, public_keys };
      return { ...signed, signature: sign(null, Buffer.from(canonical(signed)), signer.key).toString('base64') };
    },
    now: house.clock.now,
  };
}

/** The trail from outside: read, verified, and signed as a receipt. */
import { createPublicKey, sign } from 'node:crypto';
import { canonical } from '../contract/canonical.ts';
import type { Sql } from '../contract/ports.ts';
import type { AuditDeps } from '../edge/audit.ts';
import { note } from '../identity/events.ts';
import { deriveAuditKey } from '../identity/secrets.ts';
import { proveEvents, readAudit } from '../ledger/audit-read.ts';
import { verifyAudit } from '../ledger/audit-verify.ts';
import type { House } from './assembly.ts';

export function auditDeps(sql: Sql, ledger: House['ledger'], house: House): AuditDeps {
  const signer = deriveAuditKey(house.secret);
  const known = new Map(
    house.ring.all.map(({ secret }) => {
      const { id, key } = deriveAuditKey(secret);
      return [id, createPublicKey(key)];
    }),
  );
  const publicKeys = Object.fromEntries(
    [...known].map(([id, key]) => [id, key.export({ type: 'spki', format: 'pem' }) as string]),
  );
  return {
    ledger,
    read: (tenant, filter) => readAudit(sql, tenant, filter),
    verify: () => verifyAudit(sql, known),
    note: (by, type, payload) => note(sql, by.tenant, type, by.key ?? by.user, payload),
    prove: (tenant, id) => proveEvents(sql, tenant, id),
    sign(receipt) {
      const signed = { ...receipt, key_id: signer.id, public_keys: publicKeys };
      return { ...signed, signature: sign(null, Buffer.from(canonical(signed)), signer.key).toString('base64') };
    },
    now: house.clock.now,
  };
}

/** Erasure of a user's data, wired to what goes through it. */
import type { Cancel } from '../contract/flow.ts';
import type { Sql } from '../contract/ports.ts';
import { type Erasures, startErasures } from '../dispatch/erasures.ts';
import type { Look } from '../ledger/sweep.ts';
import type { Parts } from './parts.ts';
import type { Sharing } from './sharing.ts';

export interface Erasing extends Omit<Erasures, 'looked'> {
  looked(seen: Look): void;
}

export function openErasing(sql: Sql, parts: Parts, cancel: Cancel, sharing: Sharing): Erasing {
  const { bus, ledger, recorder } = parts;
  const erasures = startErasures({
    sql,
    ledger,
    bus,
    telemetry: recorder,
    forget: sharing.forgetContent,
    cancel: (tenant, id) => cancel({ tenant, user: 'erasure', key: null, permissions: new Set() }, id),
  });
  return {
    ...erasures,
    looked(seen) {
      erasures.looked(seen.rules);
      if (seen.erasures) erasures.wake();
    },
  };
}

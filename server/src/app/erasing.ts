/** Erasure of a user's data, wired: who orders it, and what goes through it. */
import type { Cancel } from '../contract/flow.ts';
import type { Ledger, Sql } from '../contract/ports.ts';
import { type Erasures, startErasures } from '../dispatch/erasures.ts';
import type { ErasureRoutesDeps } from '../edge/erasure.ts';
import { getErasure, orderErasure } from '../ledger/erase-user.ts';
import type { Look } from '../ledger/sweep.ts';
import type { House } from './assembly.ts';
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

/** Of one request. */
export function eraserOf({ bus, ledger, sharing }: House): Ledger['erase'] {
  return async (tenant, id, actor) => {
    const erased = await ledger.erase(tenant, id, actor);
    if (erased?.outcome === 'erased') {
      // Other processes keep no answer for longer than `cache.ttl_s`.
      sharing.cache?.forget(id);
      bus.drop(id);
    }
    return erased;
  };
}

// An account by its id or its address.
const ACCOUNT = 'select id, email from mcp_user where tenant = $1 and (id = $2 or email_key = lower($2))';

const HASH = /^[0-9a-f]{32}$/;

export function erasingOf(
  house: House,
  sql: Sql,
  userHash: (tenant: string, user: string) => string,
): ErasureRoutesDeps {
  const { ledger } = house;
  return {
    ledger,
    async order(tenant, who, actor) {
      const [account] = await sql.query<{ id: string; email: string }>(ACCOUNT, [tenant, who]);
      const names = new Set([who, ...(account ? [account.id, account.email, account.email.toLowerCase()] : [])]);
      const users = [...names].map((name) => userHash(tenant, name));
      // Nobody's name has the hash of another one: what looks like a hash may be one.
      if (HASH.test(who)) users.push(who);
      const made = await orderErasure(sql, tenant, [...new Set(users)], actor);
      house.erasing?.wake();
      return made;
    },
    get: (tenant, id) => getErasure(sql, tenant, id),
    erase: eraserOf(house),
  };
}

/** Erasure from outside: of a request, and of all that belongs to a user. */
import { GoblinError } from '../contract/errors.ts';
import type { Ledger, Sql } from '../contract/ports.ts';
import type { ErasureRoutesDeps } from '../edge/erasure.ts';
import { tenantMissing } from '../edge/scope.ts';
import { noSuchUser, USER_ID } from '../identity/users.ts';
import { getErasure, orderErasure } from '../ledger/erase-user.ts';
import type { House } from './assembly.ts';

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

// An account by its id or its address; of any tenant when $1 is null.
const ACCOUNT = `select id, email, tenant from mcp_user
  where ($1::text is null or tenant = $1) and (id = $2 or email_key = lower($2)) limit 2`;

const HASH = /^[0-9a-f]{32}$/;

export function erasingOf(
  house: House,
  sql: Sql,
  userHash: (tenant: string, user: string) => string,
): ErasureRoutesDeps {
  const { ledger } = house;
  return {
    ledger,
    async order(asked, own, who, actor) {
      const accounts = await sql.query<{ id: string; email: string; tenant: string }>(ACCOUNT, [asked, who]);
      if (accounts.length > 1) {
        throw new GoblinError('invalid_request', 'Several tenants have an account of that address; say which tenant.', {
          errors: [{ path: 'tenant', message: 'must be given here' }],
        });
      }
      const [account] = accounts;
      // What can only be the id of an account, and of none that the caller may know.
      if (!account && USER_ID.test(who)) throw noSuchUser();
      const tenant = account?.tenant ?? asked ?? own;
      if (tenant === null) throw tenantMissing();
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

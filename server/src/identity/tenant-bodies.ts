/** How the content of each tenant rests: as it says itself, else as `goblin.yaml` says. Known in every process. */
import type { Sql } from '../contract/ports.ts';
import type { Bodies } from '../ledger/content.ts';

export interface TenantBodies {
  of(tenant: string): Bodies;
  /** Reads what the tenants say. True when it is another than before. */
  read(sql: Pick<Sql, 'query'>): Promise<boolean>;
}

// Tenants that say something.
const READ = 'select id, bodies from mcp_tenant where bodies is not null order by id';

export function createTenantBodies(usual: Bodies): TenantBodies {
  let own: ReadonlyMap<string, Bodies> = new Map();
  return {
    // Nearly always nobody says anything: then it costs one comparison.
    of: (tenant) => (own.size === 0 ? usual : (own.get(tenant) ?? usual)),
    async read(sql) {
      const rows = await sql.query<{ id: string; bodies: Bodies }>(READ);
      const changed = rows.length !== own.size || rows.some(({ id, bodies }) => own.get(id) !== bodies);
      own = new Map(rows.map(({ id, bodies }) => [id, bodies]));
      return changed;
    },
  };
}

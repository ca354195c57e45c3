/** Where `goblin key` finds the keys: at the running server, in a database of its own, or in a folder that nobody has. */
import { GoblinError } from '../../contract/errors.ts';
import type { ExportedKey } from '../../identity/export-file.ts';
import type { KeyFields } from '../../identity/new-key.ts';
import type { Scheme } from '../../identity/schemes.ts';
import type { Config } from '../config.ts';
import { openFolder } from '../folder.ts';
import { VerbError } from './flags.ts';
import { bodyOf, reach, running } from './link.ts';

export interface ListedKey {
  id: string;
  tenant: string;
  name: string | null;
  last_four: string;
  role: string;
  created_at: string;
  expires_at: string | null;
  revoked_at: string | null;
}

export interface Keys {
  create(tenant: string, fields: KeyFields): Promise<{ id: string; key: string; tenant_made: boolean }>;
  list(tenant: string | undefined): Promise<ListedKey[]>;
  revoke(id: string): Promise<void>;
  /** Answers those that were refused, by their place in the list. */
  import(tenant: string, scheme: string, keys: readonly ExportedKey[]): Promise<{ index: number; message: string }[]>;
  close(): Promise<void>;
}

export async function withKeys<T>(config: Config, work: (keys: Keys) => Promise<T>): Promise<T> {
  // A database of its own can be asked at any time; an embedded one belongs to the server that runs on it.
  const keys = config.database
    ? await direct(config)
    : await reach<Keys>(
        config,
        (note) => served(running(note)),
        () => direct(config),
      );
  try {
    return await work(keys);
  } finally {
    await keys.close();
  }
}

function served(link: ReturnType<typeof running>): Keys {
  const post = async <T>(path: string, body?: unknown) =>
    await bodyOf<T>(await link.call(path, { method: 'POST', ...(body === undefined ? {} : { body }) }));
  return {
    create: (tenant, fields) => post('/mcp/v1/keys', { tenant, ...fields }),
    async list(tenant) {
      const query = tenant === undefined ? '' : `?tenant=${encodeURIComponent(tenant)}`;
      return (await bodyOf<{ items: ListedKey[] }>(await link.call(`/mcp/v1/keys${query}`))).items;
    },
    async revoke(id) {
      await post(`/mcp/v1/keys/${encodeURIComponent(id)}/revoke`);
    },
    async import(tenant, scheme, keys) {
      const answer = await post<{ refused: { index: number; message: string }[] }>('/mcp/v1/keys/import', {
        tenant,
        scheme,
        keys,
      });
      return answer.refused;
    },
    close: link.close,
  };
}

const ACTOR = 'command line';

async function direct(config: Config): Promise<Keys> {
  const folder = config.database ? null : openFolder(config.dataDir, config.secret);
  try {
    const [{ openDatabase, openEmbedded }, { createKey, listKeys, revokeKey }, { readKeyFields }, { readHash }] =
      await Promise.all([
        import('../open.ts'),
        import('../../identity/keys.ts'),
        import('../../identity/new-key.ts'),
        import('../../identity/schemes.ts'),
      ]);
    const sql = folder
      ? await openEmbedded(folder.database)
      : (await openDatabase(config.database as NonNullable<Config['database']>, 'goblin key', null)).sql;
    const iso = (ms: number | null) => (ms === null ? null : new Date(ms).toISOString());
    const wanted = (tenant: string, fields: KeyFields) => ({
      ...readKeyFields(fields, '', Date.now()),
      tenant,
      makeTenant: true,
      actor: ACTOR,
    });
    return {
      async create(tenant, fields) {
        const { id, key, tenantMade } = await createKey(sql, wanted(tenant, fields));
        return { id, key: key ?? '', tenant_made: tenantMade };
      },
      list: async (tenant) =>
        (await listKeys(sql, tenant ?? null)).map((row) => ({
          id: row.id,
          tenant: row.tenant,
          name: row.name,
          last_four: row.lastFour,
          role: row.role,
          created_at: iso(row.createdAt) ?? '',
          expires_at: iso(row.expiresAt),
          revoked_at: iso(row.revokedAt),
        })),
      async revoke(id) {
        if (!(await revokeKey(sql, id, null, ACTOR))) {
          throw new VerbError('There is no such key, or it was revoked before.');
        }
      },
      async import(tenant, scheme, keys) {
        const refused: { index: number; message: string }[] = [];
        for (const [index, { hash, last_four: lastFour = '', ...fields }] of keys.entries()) {
          const bytes = readHash(hash);
          try {
            if (!bytes) throw new GoblinError('invalid_request', 'It is no SHA-256 in hex or base64.');
            const imported = { scheme: scheme as Scheme, hash: bytes, lastFour };
            await createKey(sql, { ...wanted(tenant, fields), imported });
          } catch (error) {
            if (!(error instanceof GoblinError) || error.code === 'unavailable') throw error;
            refused.push({ index, message: error.detail });
          }
        }
        return refused;
      },
      async close() {
        await sql.close();
        folder?.release();
      },
    };
  } catch (error) {
    folder?.release();
    throw error;
  }
}

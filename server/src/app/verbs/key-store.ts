/** What `goblin key` asks of a server: the running one, else one of its own, whose trail is sealed as any other. */
import type { ExportedKey } from '../../identity/export-file.ts';
import type { KeyFields } from '../../identity/new-key.ts';
import type { Config } from '../config.ts';
import { bodyOf, type Link, reachServer } from './link.ts';

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
}

export async function withKeys<T>(config: Config, work: (keys: Keys) => Promise<T>): Promise<T> {
  const link = await reachServer(config);
  try {
    return await work(keysOf(link));
  } finally {
    await link.close();
  }
}

function keysOf(link: Link): Keys {
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
  };
}

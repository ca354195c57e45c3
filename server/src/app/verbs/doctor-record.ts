/** What the doctor says of the database and of what stands beside and in it. */
import { bodyOf, type Link } from './link.ts';

export type Verdict = 'ok' | 'warn' | 'FAIL';
export type Say = (verdict: Verdict, what: string, text: string) => void;

interface Metrics {
  /** `latency_ms` is null when it did not answer. */
  database: { driver: string; latency_ms: number | null };
  redis: object | null;
  providers: { provider: string }[];
}

export const metricsOf = async (link: Link): Promise<Metrics> =>
  await bodyOf<Metrics>(await link.call('/mcp/v1/admin/metrics'));

/** Whether the database answers. `openMs`: how long it took to open, where the doctor did. */
export async function checkRecord(link: Link, openMs: number, say: Say): Promise<boolean> {
  const ready = (await (await link.call('/readyz')).json()) as { missing?: string[] };
  const isMissing = (what: string) => ready.missing?.includes(what) === true;
  const { database, redis } = await metricsOf(link);
  if (redis !== null) {
    if (isMissing('redis')) {
      say('FAIL', 'redis', 'it does not answer; work is found more slowly until it does: check REDIS_URL, and Redis.');
    } else say('ok', 'redis', 'it answers');
  }
  const shared = database.driver === 'postgres';
  if (isMissing('database') || database.latency_ms === null) {
    const advice = shared
      ? 'PostgreSQL does not answer; see that it runs, and that the server can reach it at its DATABASE_URL. The server need not be restarted.'
      : 'it does not answer; restart the server, and look into its log.';
    say('FAIL', 'database', advice);
    return false;
  }
  if (isMissing('provider_keys')) await sayUnreadable(link, say);
  const how = link.own ? `opened in ${(openMs / 1000).toFixed(1)} s` : `answers in ${database.latency_ms} ms`;
  say('ok', 'database', shared ? `PostgreSQL, ${how}` : how);
  return true;
}

/** Keys that were stored with a secret that the server does not have. */
async function sayUnreadable(link: Link, say: Say): Promise<void> {
  const keys = await bodyOf<{ items: StoredKey[] }>(await link.call('/mcp/v1/admin/providers/keys'));
  for (const { provider, name, tenant, state } of keys.items) {
    if (state !== 'unreadable') continue;
    const whose = tenant === null ? 'of the installation' : `of the tenant ${tenant}`;
    const what = `the stored key ${provider}/${name} ${whose} cannot be read`;
    say(
      'FAIL',
      'secret',
      `${what}: it was sealed with another MCP_SECRET; name that one in MCP_SECRET_PREVIOUS, or set the key again.`,
    );
  }
}

interface StoredKey {
  provider: string;
  name: string;
  tenant: string | null;
  state: string;
}

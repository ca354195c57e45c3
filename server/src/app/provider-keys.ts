/** Keys of vendors that stand in the record: in use in every process within seconds of a change, and set from outside. */
import { GoblinError } from '../contract/errors.ts';
import type { Sql } from '../contract/ports.ts';
import type { ProviderKeyDeps, ShownKey } from '../edge/provider-keys.ts';
import type { Sealer } from '../identity/sealer.ts';
import {
  listStoredKeys,
  loadStoredKeys,
  removeStoredKey,
  resealStoredKeys,
  type StoredKey,
  setStoredKey,
} from '../providers/stored-keys.ts';
import { isKnownVendor, notConfigured, quote } from '../routing/errors.ts';
import { nearNames } from '../routing/near.ts';
import { originOf } from './live-keys.ts';
import type { Parts } from './parts.ts';

export interface ProviderKeysRoom {
  /** Told with each sweep which version of all rules stands in the record: another one is read. */
  looked(rules: number): void;
  /** Keys that nobody can open. */
  lost(): number;
  deps(sql: Sql): ProviderKeyDeps;
  /** With the current secret. */
  reseal(sql: Sql): Promise<{ resealed: number; lost: number }>;
}

export async function openProviderKeys({ sql, sealer, live, recorder }: Parts): Promise<ProviderKeysRoom> {
  let version: number | null = null;
  let lost: readonly StoredKey[] = [];
  let unused: ReadonlySet<string> = new Set();
  const said = new Set<string>();

  async function read(of: Sql): Promise<void> {
    const found = await loadStoredKeys(of, sealer);
    for (const { id, provider, tenant } of found.lost) {
      if (said.has(id)) continue;
      said.add(id);
      recorder.log(
        'error',
        'a stored key is not used: it was sealed with another MCP_SECRET; name that one in MCP_SECRET_PREVIOUS, or set the key again',
        { provider, key: id, tenant },
      );
    }
    lost = found.lost;
    // Nothing was there and nothing is: nothing to change.
    if (found.keys.length + found.lost.length === 0 && !any) return;
    any = found.keys.length + found.lost.length > 0;
    unused = await live.useKeys(found.keys, found.lost, recorder.log);
  }

  let any = false;
  let reading: Promise<void> = Promise.resolve();
  /** One after the other: what was read later also counts later. */
  function reload(of: Sql): Promise<void> {
    const next = reading.then(() => read(of));
    reading = next.catch(() => {});
    return next;
  }

  if (sql) await reload(sql);
  let looking = false;

  return {
    looked(rules) {
      if (sql === null || rules === version || looking) return;
      looking = true;
      reload(sql)
        .then(
          () => {
            version = rules;
          },
          (error: unknown) => {
            if (sql.lostFor() === null)
              recorder.log('error', 'stored keys could not be read', { error: String(error) });
          },
        )
        .finally(() => {
          looking = false;
        });
    },
    lost: () => lost.length,
    reseal: async (of) => {
      const done = await resealStoredKeys(of, sealer);
      await reload(of);
      return done;
    },
    deps: (of) => ({
      async list(tenant, provider) {
        const rows = await listStoredKeys(of, tenant, provider);
        return rows.map((row) => shown(row, sealer, unused));
      },
      async set(key, actor, home) {
        const origin = originFor(live, key);
        const id = await setStoredKey(of, sealer, { ...key, origin }, actor, home);
        await reload(of);
        const [row] = (await listStoredKeys(of, key.tenant, key.provider)).filter((one) => one.id === id);
        if (!row) throw new GoblinError('not_found', 'The key was replaced in the same moment.');
        return shown(row, sealer, unused);
      },
      async remove(key, actor, home) {
        const gone = await removeStoredKey(of, key, actor, home);
        if (gone) await reload(of);
        return gone;
      },
    }),
  };
}

const shown = (row: StoredKey, sealer: Sealer, unused: ReadonlySet<string>): ShownKey => ({
  ...row,
  state: !sealer.knows(row.keyId) ? 'unreadable' : unused.has(row.id) ? 'unused' : 'in use',
});

/** Where it will be sent. Throws `invalid_request` for a provider that cannot be had with it. */
function originFor(live: Parts['live'], key: { tenant: string | null; provider: string; value: string }): string {
  const wrong = (message: string) =>
    new GoblinError('invalid_request', `provider: ${message}`, { errors: [{ path: 'provider', message }] });
  const trial = {
    ...key,
    id: 'pk_trial',
    name: 'trial',
    origin: '',
    lastFour: '',
    keyId: '',
    createdAt: 0,
    createdBy: '',
  };
  let provider: ReturnType<Parts['live']['with']>;
  try {
    provider = live.with(key.provider, trial);
  } catch (error) {
    throw wrong((error as Error).message);
  }
  if (provider === null) {
    const all = live.providers();
    const names = all.map(({ name }) => name);
    if (isKnownVendor(key.provider))
      throw wrong(`it needs more than a key. ${notConfigured(key.provider, all).detail}`);
    const near = nearNames(key.provider, names);
    throw wrong(
      `${quote(key.provider)} is no provider that we know${near.length > 0 ? `; did you mean ${near.map(quote).join(' or ')}?` : '; give it an entry in goblin.yaml with a base_url'}`,
    );
  }
  if (!provider.keys?.some(({ id }) => id === trial.id)) {
    throw wrong(`${key.provider} takes no key as it is configured, or has this very key already`);
  }
  return originOf(provider);
}

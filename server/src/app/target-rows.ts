/** Targets as an operator sees them: what they did in the last minute, and what the health book thinks of them. */
import type { Provider } from '../contract/provider.ts';
import { STORED_PREFIX } from '../providers/stored-keys.ts';
import type { HealthRow, RestRow } from '../routing/book.ts';
import { allows, keysOf } from '../routing/keys.ts';
import type { TargetNumbers } from '../telemetry/telemetry.ts';

export interface Seen {
  providers: readonly Provider[];
  /** Attempts of the last minute, of all processes. */
  minute: readonly TargetNumbers[];
  health: readonly HealthRow[];
  rests: readonly RestRow[];
  /** Calls that run now in all processes, by `provider/model`. */
  load: Readonly<Record<string, number>>;
}

const NO_ATTEMPTS = { attempts: 0, errors: 0, error_rate: 0, latency_p50_ms: null, first_token_p50_ms: null };
const CLOSED = { state: 'closed', forced: false, open_until: null, reason: 'closed', tokens_per_s: null };

const iso = (ms: number | null): string | null => (ms === null ? null : new Date(ms).toISOString());

export function restOut({ provider, key, model, until, reason }: RestRow): Record<string, unknown> {
  return { provider, key, model, until: iso(until), reason };
}

function healthOut({ state, forced, open_until, reason, tokens_per_s }: HealthRow): Record<string, unknown> {
  return { state, forced, open_until: iso(open_until), reason, tokens_per_s };
}

/** Every target that was seen; a provider none of whose models was, once, without a model. */
export function targetRows({ providers, minute, health, rests, load }: Seen): Record<string, unknown>[] {
  const byName = new Map(providers.map((provider) => [provider.name, provider]));
  const targets = new Map<string, { provider: string; model: string; numbers?: TargetNumbers; health?: HealthRow }>();
  const nameOf = (of: { provider: string; model: string }): string => `${of.provider}/${of.model}`;
  for (const numbers of minute) {
    const { provider, model } = numbers;
    targets.set(nameOf(numbers), { provider, model, numbers });
  }
  for (const row of health) {
    const { provider, model } = row;
    targets.set(nameOf(row), { provider, model, ...targets.get(nameOf(row)), health: row });
  }

  function shared(name: string, model: string | null): Record<string, unknown> {
    const of = byName.get(name);
    const keys = of === undefined ? [] : keysOf(of).filter((key) => model === null || allows(key, model));
    const all = of === undefined ? [] : keysOf(of);
    // A tenant's own key is nobody else's business.
    const shown = (key: string | null) => !key?.startsWith(STORED_PREFIX) || all.some(({ id }) => id === key);
    const resting = rests.filter(
      (rest) =>
        rest.provider === name && (model === null || rest.model === null || rest.model === model) && shown(rest.key),
    );
    return { keys: keys.map(({ id }) => id), rests: resting.map(restOut) };
  }

  const rows: Record<string, unknown>[] = [...targets.entries()].map(
    ([name, { provider, model, numbers, health: row }]) => ({
      provider,
      model,
      ...(numbers ?? { ...NO_ATTEMPTS, ...(row ? measured(row) : {}) }),
      ...(row ? healthOut(row) : CLOSED),
      load: load[name] ?? 0,
      ...shared(provider, model),
    }),
  );
  const named = new Set([...targets.values()].map(({ provider }) => provider));
  for (const { name } of providers) {
    if (named.has(name)) continue;
    rows.push({ provider: name, model: null, ...NO_ATTEMPTS, ...CLOSED, load: 0, ...shared(name, null) });
  }
  return rows;
}

/** What is known of a target without attempts in the last minute. */
const measured = ({ error_rate, latency_p50_ms, first_token_p50_ms }: HealthRow) => ({
  error_rate,
  latency_p50_ms,
  first_token_p50_ms,
});

/** Calls that run in this process. */
export function loadOf(rows: readonly HealthRow[]): Record<string, number> {
  const load: Record<string, number> = {};
  for (const { provider, model, running } of rows) if (running > 0) load[`${provider}/${model}`] = running;
  return load;
}

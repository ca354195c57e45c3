/** What an operator sets by hand, and what is checked before: names that there are, and a trail that can be written. */
import { randomBytes } from 'node:crypto';
import type { Caller } from '../contract/caller.ts';
import { GoblinError } from '../contract/errors.ts';
import type { Provider } from '../contract/provider.ts';
import type { AdminDeps } from '../edge/admin.ts';
import { canDrill, drillFaults } from '../execution/drill-faults.ts';
import { findKey, listKeys } from '../identity/keys.ts';
import { forgetBreaker, keepBreaker } from '../ledger/breakers.ts';
import { parseFault } from '../providers/simulator/faults.ts';
import { isKnownVendor, notConfigured, quote } from '../routing/errors.ts';
import { keysOf } from '../routing/keys.ts';
import { nearNames } from '../routing/near.ts';
import type { House } from './assembly.ts';
import { loadOf, restOut, targetRows } from './target-rows.ts';

const MINUTE = 60_000;

const whoIs = (caller: Caller): string => caller.key ?? caller.user;

function missing(path: string, message: string, near: readonly string[] = []): GoblinError {
  const meant = near.length === 0 ? '' : ` Did you mean ${near.map(quote).join(' or ')}?`;
  return new GoblinError('not_found', `${path}: ${message}${meant}`, {
    errors: [{ path, message: `${message}${meant}` }],
  });
}

function wrong(path: string, message: string): GoblinError {
  return new GoblinError('invalid_request', `${path}: ${message}`, { errors: [{ path, message }] });
}

export function adminOf(house: House): AdminDeps {
  const { config, health, ledger, live, sharing, sql } = house;

  function providerOf(name: string): Provider {
    const found = live.provider(name);
    if (found) return found;
    const all = live.providers();
    if (isKnownVendor(name)) throw missing('provider', notConfigured(name, all).detail);
    const names = all.map((provider) => provider.name);
    throw missing(
      'provider',
      `${quote(name)} is not a configured provider; configured: ${names.join(', ')}.`,
      nearNames(name, names),
    );
  }

  function targetOut(provider: string, model: string, now: number): Record<string, unknown> {
    const rows = health.rows(now);
    const row = rows.filter((one) => one.provider === provider && one.model === model);
    const [shown] = targetRows({
      providers: live.providers(),
      minute: [],
      health: row,
      rests: health.rests(now),
      load: loadOf(row),
    });
    return shown ?? {};
  }

  /** A name that nobody lists may still be right: it is set, and said. */
  async function doubt(provider: string, model: string): Promise<Record<string, unknown>> {
    const listed = await live.models().catch(() => []);
    const names = listed.filter((one) => one.provider === provider).map(({ id }) => id.slice(provider.length + 1));
    if (names.length === 0 || names.includes(model)) return {};
    const near = nearNames(model, names);
    const meant = near.length === 0 ? '' : ` Did you mean ${near.map(quote).join(' or ')}?`;
    return { notice: `${provider} does not list the model ${quote(model)}.${meant}` };
  }

  function keyOf(provider: Provider, key: string): string {
    const ids = keysOf(provider).map(({ id }) => id);
    if (ids.includes(key)) return key;
    if (ids.length === 0) throw missing('key', `${provider.name} has no keys to choose from; leave key out.`);
    throw missing(
      'key',
      `${provider.name} has no key ${quote(key)}; its keys: ${ids.join(', ')}.`,
      nearNames(key, ids),
    );
  }

  /** Whose calls are to fail. */
  async function drilledKey(key: string | null, keyId: string | null): Promise<{ id: string; tenant: string }> {
    if (config.auth === 'off' || sql === null) {
      throw new GoblinError(
        'invalid_request',
        'A drill is for the calls of one API key, and with MCP_AUTH=off there are none: it would hit everybody. Start with MCP_AUTH=required, make a key with goblin key create --tenant drill, and use that one.',
      );
    }
    if (key !== null) {
      const found = await findKey(sql, key);
      if (found) return found;
      throw wrong('key', 'is not known, or it was revoked.');
    }
    const keys = await listKeys(sql, null);
    const found = keys.find((one) => one.id === keyId && one.revokedAt === null);
    if (found) return found;
    const near = nearNames(
      keyId ?? '',
      keys.filter((one) => one.revokedAt === null).map(({ id }) => id),
    );
    throw missing('key_id', `there is no API key ${quote(keyId ?? '')} that may be used; see goblin key list.`, near);
  }

  return {
    async setBreaker(by, { provider: name, model, state, minutes }) {
      const { name: provider } = providerOf(name);
      const until = minutes === undefined ? null : Date.now() + minutes * MINUTE;
      // First the trail: nothing is set that it does not tell.
      await ledger.note(by.tenant, 'breaker.set', {
        provider,
        model,
        state,
        until: until && new Date(until).toISOString(),
        by: whoIs(by),
      });
      const now = Date.now();
      if (sql && state === 'auto') await forgetBreaker(sql, provider, model, now);
      else if (sql && state !== 'auto') {
        await keepBreaker(sql, { provider, model, state, actor: whoIs(by), until, setAt: now });
      }
      health.force(provider, model, state, until, whoIs(by), now);
      return { ...targetOut(provider, model, now), ...(await doubt(provider, model)) };
    },

    async resetKeys(by, name, key) {
      const provider = name === null ? null : providerOf(name);
      const id = provider === null || key === null ? null : keyOf(provider, key);
      await ledger.note(by.tenant, 'keys.reset', { provider: provider?.name ?? null, key: id, by: whoIs(by) });
      const now = Date.now();
      const before = health.rests(now);
      if (provider === null) health.reset(now);
      else if (id === null) health.reset(now, provider.name);
      else health.reset(now, provider.name, id);
      const left = new Set(health.rests(now).map((rest) => JSON.stringify([rest.provider, rest.key, rest.model])));
      return before.filter((rest) => !left.has(JSON.stringify([rest.provider, rest.key, rest.model]))).map(restOut);
    },

    async startDrill(by, wish) {
      const provider = providerOf(wish.provider);
      const { framing } = live.dialect(provider);
      const fault = parseFault(wish.fault);
      if (fault === null || !canDrill(fault, framing)) {
        const names = drillFaults(framing);
        const near = nearNames(wish.fault.replace(/\d+$/, 'N'), names);
        const meant = near.length === 0 ? '' : ` Did you mean ${near.map(quote).join(' or ')}?`;
        throw wrong(
          'fault',
          `${quote(wish.fault)} is not a fault of drills at ${provider.name}.${meant} There are ${names.join(', ')}.`,
        );
      }
      const key = await drilledKey(wish.key, wish.keyId);
      const now = Date.now();
      const drill = {
        id: `drill_${randomBytes(9).toString('base64url')}`,
        provider: provider.name,
        fault: fault.asked,
        key: key.id,
        at: now,
        until: now + wish.minutes * MINUTE,
        by: whoIs(by),
      };
      const { id, fault: asked, until } = drill;
      await ledger.note(key.tenant, 'drill.started', {
        drill: id,
        provider: provider.name,
        fault: asked,
        key: key.id,
        until: new Date(until).toISOString(),
        by: drill.by,
      });
      sharing.drills.start(drill);
      sharing.tellDrills();
      return drill;
    },

    async endDrill(by, id) {
      const drill = sharing.drills.list().find((one) => one.id === id);
      if (drill === undefined) return null;
      sharing.drills.end(id);
      sharing.tellDrills();
      // A trail that cannot be written does not keep it up; when it would have ended is there already.
      const { provider, key } = drill;
      await ledger.note(by.tenant, 'drill.ended', { drill: id, provider, key, by: whoIs(by) }).catch(() => {});
      return drill;
    },

    drills: sharing.drills.list,
  };
}

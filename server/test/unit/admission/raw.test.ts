import assert from 'node:assert/strict';
import { test } from 'node:test';
import { admitRaw, type RawAdmissionDeps } from '../../../src/admission/raw.ts';
import type { Caller, Permission } from '../../../src/contract/caller.ts';
import { GoblinError } from '../../../src/contract/errors.ts';
import type { RawCall } from '../../../src/contract/raw.ts';
import { providerOf } from '../routing/kit.ts';

const caller = (more: Partial<Caller> = {}): Caller => ({
  tenant: 't',
  user: 'u',
  key: 'k',
  permissions: new Set<Permission>(['request:write']),
  ...more,
});
const call: RawCall = {
  provider: 'paid',
  method: 'POST',
  path: '/files?secret=1',
  headers: {},
  body: Buffer.from('content'),
  userId: 'someone',
  labels: null,
  deadlineMs: 5,
  idempotency: null,
};

function house(entries: Record<string, { raw?: boolean; raw_price_usd?: number }> = {}) {
  let asked = 0;
  const deps: RawAdmissionDeps = {
    providers: () => [providerOf({ name: 'paid' }), providerOf({ name: 'gratis', free: true })],
    entry: (name) => entries[name],
    recordBack: () => {
      asked++;
      return Promise.resolve();
    },
    userHash: (tenant, user) => `${tenant}:${user}`,
    checkPolicy: () => Promise.resolve(null),
    checkSecrets: async () => {},
    userKeyId: 'uk',
  };
  return { deps, asked: () => asked };
}

async function refusal(...[deps, who, of]: [RawAdmissionDeps, Caller, Partial<RawCall>?]): Promise<[string, string]> {
  try {
    await admitRaw(deps, who, 'id', { ...call, ...of });
    return ['admitted', ''];
  } catch (error) {
    assert.ok(error instanceof GoblinError);
    return [error.code, error.detail];
  }
}

test('a price for each call, as goblin.yaml says it; nothing where the provider is free', async () => {
  const { deps } = house({ paid: { raw_price_usd: 0.0125 } });
  const { pico, priceVersion, acceptance } = await admitRaw(deps, caller(), 'id', call);
  assert.deepEqual([pico, priceVersion, acceptance.estimatePico], [12_500_000_000, 'settings', 12_500_000_000]);
  assert.deepEqual(
    [
      acceptance.kind,
      acceptance.mode,
      acceptance.taskType,
      acceptance.model,
      acceptance.userHash,
      acceptance.deadlineMs,
    ],
    ['raw', 'attached', 'raw', null, 't:someone', 5],
  );
  assert.doesNotMatch(JSON.stringify(acceptance), /secret|content/, 'neither query nor body is kept');
  const free = await admitRaw(deps, caller(), 'id', { ...call, provider: 'gratis' });
  assert.deepEqual([free.pico, free.priceVersion], [0, 'free']);
  const set = await admitRaw(house({ gratis: { raw_price_usd: 1e-12 } }).deps, caller(), 'id', {
    ...call,
    provider: 'gratis',
  });
  assert.deepEqual([set.pico, set.priceVersion], [1, 'settings']);
  const nothing = await admitRaw(house({ paid: { raw_price_usd: 0 } }).deps, caller(), 'id', call);
  assert.equal(nothing.pico, 0);
});

test('refused: no price, no such provider, switched off', async () => {
  const { deps } = house({ gratis: { raw: false } });
  assert.match((await refusal(deps, caller())).join(' '), /^forbidden .*providers\.paid\.raw_price_usd/);
  assert.match(
    (await refusal(deps, caller(), { provider: 'gratis' })).join(' '),
    /^forbidden .*providers\.gratis\.raw is false/,
  );
  assert.match((await refusal(deps, caller(), { provider: 'other' })).join(' '), /^not_found .*paid, gratis/);
});

test('refused: a key that may not write, or that is bound to models', async () => {
  const { deps, asked } = house({ paid: { raw_price_usd: 1 } });
  assert.equal((await refusal(deps, caller({ permissions: new Set(['request:read']) })))[0], 'forbidden');
  assert.equal(asked(), 0, 'before anything else is asked');
  for (const models of [['paid/m'], ['m'], ['paid/m*'], ['gratis/*'], []]) {
    assert.match((await refusal(deps, caller({ models }))).join(' '), /^forbidden .*paid\/\*/, JSON.stringify(models));
  }
  assert.equal((await refusal(deps, caller({ models: ['paid/*'] })))[0], 'admitted');
});

test('a record that is away, or a process that stops, refuses', async () => {
  const away = new GoblinError('unavailable', 'The record is away.');
  const { deps } = house({ paid: { raw_price_usd: 1 } });
  assert.equal((await refusal({ ...deps, recordBack: () => Promise.reject(away) }, caller()))[0], 'unavailable');
});

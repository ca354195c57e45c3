/** Whoever is refused a thousand times fills no trail, and nothing of it is lost. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import type { Ledger } from '../../../src/contract/ports.ts';
import { withoutFloods } from '../../../src/ledger/flood.ts';

interface Noted {
  tenant: string;
  type: string;
  payload: Record<string, unknown>;
  request: string | undefined;
}

function build() {
  const noted: Noted[] = [];
  let now = 0;
  let away: number | null = null;
  const ledger = {
    note: async (tenant: string, type: string, payload: Record<string, unknown>, request?: string) => {
      noted.push({ tenant, type, payload, request });
    },
    idle: async () => {},
    lostFor: () => away,
  } as unknown as Ledger;
  const quiet = withoutFloods(ledger, () => now);
  after(() => quiet.idle());
  return {
    noted,
    quiet,
    pass: (ms: number) => {
      now += ms;
    },
    lose: () => {
      away = 1;
    },
  };
}

test('of refusals the first is written at once, the others of its minute as one with their count', async () => {
  const { noted, quiet } = build();
  for (let n = 0; n < 1000; n++)
    await quiet.note('t', 'request.refused', { code: 'rate_limited', key: 'k1', detail: n });
  await quiet.note('t', 'request.refused', { code: 'rate_limited', key: 'k2' });
  await quiet.note('t', 'request.refused', { code: 'forbidden', key: 'k1' });
  await quiet.note('other', 'request.refused', { code: 'rate_limited', key: 'k1' });
  assert.equal(noted.length, 4);
  await quiet.idle();
  assert.deepEqual(noted.slice(4), [
    {
      tenant: 't',
      type: 'request.refused',
      payload: { code: 'rate_limited', key: 'k1', count: 999, seconds: 60 },
      request: undefined,
    },
  ]);
  await quiet.idle();
  assert.equal(noted.length, 5, 'once');
});

test('other events are written each, findings up to twenty of a rule in a request', async () => {
  const { noted, quiet } = build();
  for (let n = 0; n < 50; n++) await quiet.note('t', 'breaker.set', { n });
  assert.equal(noted.length, 50);
  for (const request of ['r1', 'r2']) {
    for (let n = 0; n < 50; n++)
      await quiet.note('t', 'guard.finding', { rule: 'x', action: 'redact', key: 'k', fingerprint: n }, request);
  }
  assert.equal(noted.length, 90);
  await quiet.idle();
  assert.deepEqual(
    noted.slice(90).map(({ request, payload }) => [request, payload.count]),
    [
      ['r1', 30],
      ['r2', 30],
    ],
  );
});

test('names without end cost no memory without end', async () => {
  const { noted, quiet } = build();
  for (let n = 0; n < 15_000; n++) await quiet.note('t', 'request.refused', { code: 'forbidden', key: `k${n}` });
  assert.equal(noted.length, 10_001);
  await quiet.idle();
  assert.deepEqual(noted.at(-1)?.payload, { count: 4999, seconds: 60 });
});

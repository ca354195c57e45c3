/** Who may call what: the table of the documents is what a running server does. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { ACCESS_PAGE, makeAccessPage } from '../../scripts/access.ts';
import { pathOf } from '../../scripts/docs.ts';
import { createServer } from '../../src/edge/server.ts';

test('docs/access.md says what a running server does', { timeout: 120_000 }, async () => {
  const page = await makeAccessPage();
  const written = readFileSync(pathOf(ACCESS_PAGE), 'utf8');
  assert.equal(
    page,
    written,
    `${ACCESS_PAGE} is old; look at what differs, then run: npx node server/scripts/access.ts`,
  );
  // What no table of today may say, whatever was written down.
  for (const line of page.split('\n').filter((one) => one.startsWith('| `'))) {
    const [route = '', needs = '', none, viewer, , , , other, revoked] = line
      .split('|')
      .slice(1)
      .map((cell) => cell.trim());
    if (needs === 'anybody') continue;
    assert.equal(none, '401', `${route} without a credential`);
    assert.equal(revoked, '401', `${route} with a key that was revoked`);
    if (/:id|:user/.test(route)) assert.ok(other === '404' || other === '403', `${route} by another tenant: ${other}`);
    if (!route.startsWith('`GET') && !route.includes('/auth/')) assert.equal(viewer, '403', `${route} by a viewer`);
  }
});

test('a route that does not say who may call it stops the start', async () => {
  const held = { watch: () => {}, hold: () => {}, callers: () => [], end: () => {} };
  const seen: unknown[] = [];
  const app = await createServer(
    {
      fastLane: { take: null },
      bodyLimit: 1000,
      version: 'test',
      identify: () => assert.fail('nobody calls'),
      held,
      recordBack: async () => {},
      refused: () => {},
      telemetry: { count: () => {}, time: () => {}, log: () => {} },
      origins: [],
      hostAllowed: () => true,
      dialects: {},
    },
    (route) => seen.push(route),
  );
  app.get('/open', { config: { public: true } }, async () => ({}));
  app.get('/shut', { config: { permission: 'self' } }, async () => ({}));
  assert.throws(
    () => app.get('/forgotten', async () => ({})),
    /\/forgotten says neither public nor which permission it needs/,
  );
  assert.throws(
    () => app.route({ method: ['GET', 'POST'], url: '/x', config: {}, handler: async () => ({}) }),
    /neither public nor/,
  );
  assert.deepEqual(
    seen.filter((one) => (one as { method: string }).method === 'GET'),
    [
      { method: 'GET', url: '/open', access: 'public' },
      { method: 'GET', url: '/shut', access: 'self' },
    ],
  );
  await app.close();
});

/** What `goblin.yaml` says of identity, and must not say. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Json } from '../support/api.ts';
import { makePlace, runGoblin } from '../support/server.ts';

test('what contradicts itself stops the start, and says where', { timeout: 120_000 }, async () => {
  const good = { name: 'a', issuer: 'https://a.example', audience: 'x', tenant: 'acme', default_role: 'viewer' };
  const bad: [Json, RegExp][] = [
    [{ issuers: [{ ...good, issuer: 'http://a.example' }] }, /issuers\.0\.issuer must be an https URL/],
    [{ issuers: [{ ...good, jwks_url: 'ftp://a.example' }] }, /jwks_url must be an https URL/],
    [{ issuers: [{ ...good, algorithms: ['HS256'] }] }, /issuers\.0\.algorithms/],
    [{ issuers: [{ ...good, algorithms: ['none'] }] }, /issuers\.0\.algorithms/],
    [{ issuers: [{ ...good, audience: undefined }] }, /neither audience .* nor sign_in/],
    [{ issuers: [{ ...good, default_role: undefined }] }, /gives nobody a role/],
    [{ issuers: [{ ...good, roles: { x: 'admin' } }] }, /set claims\.roles/],
    [{ issuers: [{ ...good, roles: { x: 'king' }, claims: { roles: 'g' } }] }, /issuers\.0\.roles\.x/],
    [{ issuers: [good, good] }, /issuers\.1\.name is a, which another one has/],
    [{ issuers: [{ ...good, sign_in: { client_id: 'x' } }] }, /needs identity\.public_url/],
    [{ public_url: 'http://goblin.example.com' }, /public_url/],
    [
      {
        public_url: 'https://goblin.example.com',
        issuers: [{ ...good, sign_in: { client_id: 'x', client_secret_env: 'NOT_SET' } }],
      },
      /NOT_SET/,
    ],
    [{ issuers: [{ ...good, issuer: 'urn:goblin:mcp' }] }, /https URL/],
  ];
  for (const [identity, why] of bad) {
    const ran = await runGoblin(['start'], makePlace({ identity: JSON.parse(JSON.stringify(identity)) }), {});
    assert.equal(ran.code, 1, JSON.stringify(identity));
    assert.match(ran.stderr, why);
  }
});

/** Issuers that are trusted for their tokens are not trusted with where we call: their documents lead nowhere inside. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { call } from '../support/api.ts';
import { startServer } from '../support/server.ts';
import { PUBLIC, type Range, startRange, type Trap } from '../support/ssrf.ts';

let range: Range;
before(async () => {
  range = await startRange();
});
after(() => range.close());

test('the document of an issuer leads nowhere inside', { timeout: 120_000 }, async () => {
  const hosts = [
    '127.0.0.1',
    'localhost',
    '[::1]',
    range.named(['127.0.0.1']),
    range.named([PUBLIC], ['127.0.0.1']),
    '169.254.169.254',
  ];
  const places = hosts.flatMap((host) =>
    ['http', 'https'].map((scheme) => `${scheme}://${host}:${range.trap.port}/keys`),
  );
  const issuers = await Promise.all(
    places.map(async (keys) => {
      const issuer: Trap = await range.startTrap((_request, response) => {
        const own = `http://127.0.0.1:${issuer.port}`;
        response.setHeader('content-type', 'application/json');
        const document = { issuer: own, jwks_uri: keys, authorization_endpoint: keys, token_endpoint: keys };
        response.end(JSON.stringify(document));
      });
      return issuer;
    }),
  );
  const urls = issuers.map(({ port }) => `http://127.0.0.1:${port}`);
  const server = await startServer({
    env: { ...range.env, MCP_AUTH: 'required' },
    settings: {
      simulator: true,
      identity: {
        issuers: urls.map((issuer, at) => ({
          name: `corp-${at}`,
          issuer,
          audience: 'goblin',
          tenant: 'acme',
          default_role: 'viewer',
        })),
      },
    },
  });
  try {
    const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
    for (const [at, iss] of urls.entries()) {
      const claims = { iss, aud: 'goblin', sub: 'x', exp: 4_000_000_000 };
      const token = `${part({ alg: 'RS256', kid: 'k', typ: 'JWT' })}.${part(claims)}.${'A'.repeat(342)}`;
      const answer = await call(server, '/mcp/v1/auth/me', { headers: { authorization: `Bearer ${token}` } });
      assert.ok(answer.status === 401 || answer.status === 503, `${places[at]}: ${answer.status} ${answer.text}`);
      assert.ok(
        issuers[at]?.heard.some((path) => path.includes('openid-configuration')),
        'its document was read',
      );
    }
  } finally {
    await server.stop();
  }
  assert.deepEqual(range.trap.heard, []);
  assert.equal(range.trap.connections, 0, 'not even a connection');
});

/** `/mcp/v1/auth/oidc/{name}/…`: signing in at another provider. Browsers come here by themselves, not by a script. */
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { readCookie, SIGN_IN_COOKIES } from '../identity/credentials.ts';
import { type Oidc, SIGN_IN_SECONDS } from '../identity/oidc.ts';
import type { SignInWays } from '../identity/sign-in.ts';
import { giveSession, giveSignIn } from './cookies.ts';

export interface OidcRouteDeps {
  oidc: Oidc;
  ways: SignInWays;
  /** Whether browsers reach us with TLS. */
  secure: boolean;
}

const params = { type: 'object', properties: { name: { type: 'string' } } };
const nameOf = (request: FastifyRequest): string => (request.params as { name: string }).name;

export function oidcRoutes(app: FastifyInstance, { oidc, ways, secure }: OidcRouteDeps): void {
  app.get(
    '/mcp/v1/auth/oidc/:name/start',
    {
      config: { public: true },
      schema: {
        summary: 'Go to a provider to sign in',
        tags: ['Sign-in'],
        params,
        querystring: { type: 'object', properties: { return_to: { type: 'string' } } },
        response: { 302: { description: 'To the provider' } },
      },
    },
    async (request, reply) => {
      const { return_to: returnTo } = request.query as Record<string, unknown>;
      const { url, sealed } = await oidc.start(nameOf(request), typeof returnTo === 'string' ? returnTo : '/');
      giveSignIn(reply, sealed, secure, SIGN_IN_SECONDS);
      return reply.header('cache-control', 'no-store').redirect(url, 302);
    },
  );

  app.get(
    '/mcp/v1/auth/oidc/:name/callback',
    {
      config: { public: true },
      schema: {
        summary: 'Come back from a provider',
        tags: ['Sign-in'],
        params,
        response: { 302: { description: 'To where the sign-in began, with cookies' } },
      },
    },
    async (request, reply) => {
      const sealed = readCookie(request.headers, SIGN_IN_COOKIES);
      giveSignIn(reply, '', secure, 0);
      const query = request.query as Record<string, unknown>;
      const { verified, returnTo } = await oidc.finish(nameOf(request), query, sealed);
      giveSession(reply, await ways.outside(verified), secure);
      return reply.header('cache-control', 'no-store').header('referrer-policy', 'no-referrer').redirect(returnTo, 302);
    },
  );
}

/** `/mcp/v1/auth/…`: signing in, staying signed in, signing out. */
import type { FastifyInstance, FastifyReply } from 'fastify';
import type { Caller } from '../contract/caller.ts';
import { GoblinError } from '../contract/errors.ts';
import { checkNames } from '../guard/secrets/named.ts';
import { REFRESH_COOKIES, readCookie } from '../identity/credentials.ts';
import { badPassword } from '../identity/passwords.ts';
import { isRefreshToken } from '../identity/sessions.ts';
import type { SignedIn, SignInWays } from '../identity/sign-in.ts';
import { refuse } from './body.ts';
import type { AddressOf } from './caller-address.ts';
import { checkOwnPage, giveSession, takeSession } from './cookies.ts';
import {
  DoneOut,
  LinkBody,
  LinkOut,
  LoginBody,
  MeOut,
  MethodsOut,
  PasswordBody,
  RefreshBody,
  SetupBody,
  SignedInOut,
} from './identity-schemas.ts';
import { notFound } from './query.ts';
import { bodyReader, callerOf } from './scope.ts';
import { iso } from './shapes.ts';

export interface AuthDeps {
  ways: SignInWays;
  /** Where a sign-in without a tenant goes. */
  defaultTenant: string;
  providers: readonly { name: string; title: string }[];
  addressOf: AddressOf;
  needsSetup(): Promise<boolean>;
  endSession(id: string): Promise<void>;
  /** A token for one request in a link. */
  link(caller: Caller, request: string): Promise<{ token: string; seconds: number }>;
  /** Whether the caller's tenant has this request. */
  hasRequest(tenant: string, id: string): Promise<boolean>;
}

const TAGS = ['Sign-in'];

export function authRoutes(app: FastifyInstance, deps: AuthDeps): void {
  const { ways } = deps;
  const readLogin = bodyReader(LoginBody);
  const readRefresh = bodyReader(RefreshBody);
  const readSetup = bodyReader(SetupBody);
  const readPassword = bodyReader(PasswordBody);
  const readLink = bodyReader(LinkBody);

  app.get(
    '/mcp/v1/auth/methods',
    {
      config: { public: true },
      schema: { summary: 'Ways to sign in', tags: TAGS, response: { 200: MethodsOut } },
    },
    async () => ({
      password: true,
      set_up: await deps.needsSetup(),
      providers: deps.providers.map(({ name, title }) => ({ name, title, start: `/mcp/v1/auth/oidc/${name}/start` })),
    }),
  );

  app.post(
    '/mcp/v1/auth/login',
    {
      config: { public: true },
      schema: {
        summary: 'Sign in with e-mail and password',
        description:
          'With `cookie: true`, for pages of this server only, the tokens come as cookies and not in the body.',
        tags: TAGS,
        body: LoginBody,
        response: { 200: SignedInOut },
      },
    },
    async (request, reply) => {
      const { email, password, tenant = deps.defaultTenant, team = null, cookie = false } = readLogin(request);
      const secure = cookie ? checkOwnPage(request) : null;
      const signedIn = await ways.password({
        tenant,
        email,
        password,
        team,
        address: deps.addressOf(request.raw) ?? '',
      });
      return answer(reply, signedIn, secure);
    },
  );

  app.post(
    '/mcp/v1/auth/refresh',
    {
      config: { public: true },
      schema: {
        summary: 'Take a refresh token for a new one and a new access token',
        description: 'Each is used once: a second use ends the session. Without one in the body it is the cookie’s.',
        tags: TAGS,
        body: RefreshBody,
        response: { 200: SignedInOut },
      },
    },
    async (request, reply) => {
      const { refresh_token: given, team = null } = readRefresh(request);
      const secure = given === undefined ? checkOwnPage(request) : null;
      const token = given ?? readCookie(request.headers, REFRESH_COOKIES);
      if (!isRefreshToken(token)) {
        throw new GoblinError('unauthorized', 'The refresh token is not known, or it was used; sign in again.');
      }
      return answer(reply, await ways.refresh(token, team), secure);
    },
  );

  app.post(
    '/mcp/v1/auth/setup',
    {
      config: { public: true },
      schema: {
        summary: 'Make the first owner, with the token that the start printed',
        tags: TAGS,
        body: SetupBody,
        response: { 201: SignedInOut },
      },
    },
    async (request, reply) => {
      const { token, email, password, tenant = deps.defaultTenant, name = null, cookie = false } = readSetup(request);
      const secure = cookie ? checkOwnPage(request) : null;
      checkPassword('password', password, email);
      checkNames({ name, tenant });
      const signedIn = await ways.setup(token, { tenant, email, name }, password);
      reply.code(201);
      return answer(reply, signedIn, secure);
    },
  );

  app.post(
    '/mcp/v1/auth/logout',
    {
      config: { permission: 'self' },
      schema: { summary: 'Sign out: the session ends', tags: TAGS, response: { 200: DoneOut } },
    },
    async (request, reply) => {
      const session = callerOf(request).standing?.session;
      if (session) await deps.endSession(session);
      takeSession(reply);
      return { done: true };
    },
  );

  app.get(
    '/mcp/v1/auth/me',
    {
      config: { permission: 'self' },
      schema: { summary: 'Who I am, and what I may do', tags: TAGS, response: { 200: MeOut } },
    },
    async (request) => {
      const { tenant, user, key, account, team, permissions, models, everywhere } = callerOf(request);
      return {
        tenant,
        user,
        key,
        account: account ?? null,
        team: team ?? null,
        permissions: [...permissions],
        models: models ?? null,
        everywhere: everywhere ?? false,
      };
    },
  );

  app.post(
    '/mcp/v1/auth/password',
    {
      config: { permission: 'self' },
      schema: {
        summary: 'Change my password; all my other sessions end',
        tags: TAGS,
        body: PasswordBody,
        response: { 200: DoneOut },
      },
    },
    async (request) => {
      const { old, new: next } = readPassword(request);
      const { account, standing } = callerOf(request);
      // A key that was made for somebody must not take his account.
      if (account === undefined || !standing?.session) {
        throw new GoblinError('forbidden', 'Only who is signed in has a password to change.');
      }
      checkPassword('new', next, null);
      await ways.changePassword(account, standing.session, old, next, deps.addressOf(request.raw) ?? '');
      return { done: true };
    },
  );

  app.post(
    '/mcp/v1/auth/link',
    {
      config: { permission: 'request:read' },
      schema: {
        summary: 'A token for the stream of one request, for links that cannot send a header',
        tags: TAGS,
        body: LinkBody,
        response: { 200: LinkOut },
      },
    },
    async (request) => {
      const { request_id: id } = readLink(request);
      const caller = callerOf(request);
      if (!(await deps.hasRequest(caller.tenant, id))) throw notFound(id);
      const { token, seconds } = await deps.link(caller, id);
      return { token, url: `/mcp/v1/stream/${id}?token=${token}`, expires_in: seconds };
    },
  );
}

/** `secure` is null where the tokens go into the body, else whether the cookies need TLS. */
function answer(reply: FastifyReply, signedIn: SignedIn, secure: boolean | null): Record<string, unknown> {
  const { session, access, accessSeconds, refresh } = signedIn;
  if (secure !== null) giveSession(reply, signedIn, secure);
  reply.header('cache-control', 'no-store');
  return {
    token_type: 'Bearer',
    ...(secure === null ? { access_token: access, refresh_token: refresh } : {}),
    expires_in: accessSeconds,
    session_expires_at: iso(session.expiresAt),
    user: {
      id: session.user,
      tenant: session.tenant,
      email: session.email,
      name: session.name,
      role: session.role,
      team: session.team,
    },
  };
}

/** Throws `invalid_request`. */
export function checkPassword(path: string, password: string, email: string | null): void {
  const message = badPassword(password, email);
  if (message !== null) refuse([{ path, message }]);
}

/** The front door: one Fastify instance, its hooks in order, its routes. Nothing is decided here. */
import { createServer as createHttpServer, type IncomingMessage, type ServerResponse } from 'node:http';
import swagger from '@fastify/swagger';
import websocket from '@fastify/websocket';
import Fastify, { type FastifyInstance, type FastifyRequest } from 'fastify';
import type { DialectName } from '../contract/call.ts';
import type { Caller, Permission } from '../contract/caller.ts';
import type { Dialect } from '../contract/dialect.ts';
import { GoblinError } from '../contract/errors.ts';
import type { Telemetry } from '../contract/ports.ts';
import type { Identify } from '../identity/identify.ts';
import { isOwnPage } from './cookies.ts';
import type { FastLane } from './fast-lane.ts';
import type { createHeld } from './held.ts';
import { asGoblinError } from './problem.ts';
import { notFound } from './query.ts';
import { sendRefusal } from './refusal.ts';
import { ProblemOut } from './schemas.ts';
import { endsUnclear, holdsNul, refuse } from './unclear.ts';

declare module 'fastify' {
  interface FastifyRequest {
    caller: Caller | null;
    opened: unknown;
  }
  interface FastifyContextConfig {
    /** Anyone may call it. */
    public?: boolean;
    permission?: Permission;
    /** The address may carry a token for the request that its `:id` names. */
    link?: boolean;
    /** A door: its errors have a shape of their own (refusal.ts), and its callers wait for a record that is away. */
    door?: true;
  }
}

export interface ServerOptions {
  /** Calls that need no framework. Set once the doors are there. */
  fastLane: { take: FastLane | null };
  bodyLimit: number;
  version: string;
  identify: Identify;
  /** Knows which connections are open, and by whom. */
  held: ReturnType<typeof createHeld>;
  /** Somebody known was refused what he may not. */
  refused(caller: Caller, error: GoblinError, where: string): void;
  /** Waits for a record that is away; throws when it stays away. */
  recordBack(): Promise<void>;
  telemetry: Telemetry;
  origins: readonly string[];
  /** With authentication off a page that a browser was tricked into must not reach us under another name. */
  hostAllowed(host: string): boolean;
  /** Those that have doors. */
  dialects: Partial<Record<DialectName, Dialect>>;
}

/** A route, and who may call it. */
export interface Access {
  method: string;
  url: string;
  access: Permission | 'public';
}

const PROBLEM = { description: 'Refused', content: { 'application/problem+json': { schema: ProblemOut } } };

/**
 * An API without its routes; those are added by the caller, then `ready()` is awaited. A route that does not say who may
 * call it is refused. `access` is told of each.
 */
export async function createServer(
  options: ServerOptions,
  access: (route: Access) => void = () => {},
): Promise<FastifyInstance> {
  const app = Fastify({
    bodyLimit: options.bodyLimit,
    logger: false,
    serverFactory(handler) {
      const server = createHttpServer({ noDelay: true, shouldUpgradeCallback: isStream }, (request, response) => {
        if (endsUnclear(request)) refuse(request.socket);
        else if (!options.fastLane.take?.(request, response)) handler(request, response);
      });
      // A slow sender is cut off: a minute for the headers, two for everything.
      server.headersTimeout = 60_000;
      server.requestTimeout = 120_000;
      server.keepAliveTimeout = 72_000;
      options.held.watch(server);
      return server;
    },
    forceCloseConnections: true,
    return503OnClosing: false,
    // Longer than any address that Node takes: what an id may be is for its route to say.
    routerOptions: { maxParamLength: 65_536 },
    frameworkErrors(error, request, reply) {
      // An address that cannot be read still says nothing to strangers.
      Promise.resolve()
        .then(() => options.identify(request.headers))
        .then(
          () => sendRefusal(options.dialects, error, request, reply),
          (refused: unknown) => sendRefusal(options.dialects, refused, request, reply),
        );
    },
    clientErrorHandler: (_error, socket) => refuse(socket),
  });

  // First of all hooks: a refused WebSocket must find its socket closed.
  await app.register(websocket, { options: { maxPayload: 4096 } });
  app.decorateRequest('caller', null);
  app.decorateRequest('opened', null);
  // Bodies are checked by us, once, with messages that say what is accepted; schemas here are the document.
  app.setValidatorCompiler(() => () => true);
  app.setSerializerCompiler(() => (data) => JSON.stringify(data));
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('application/json', { parseAs: 'buffer' }, (_request, body, done) => done(null, body));

  // Every refusal has the same shape; the document says so for every route.
  const routes: { method: string; path: RegExp }[] = [];
  app.addHook('onRoute', (route) => {
    const needs = route.config?.public ? 'public' : route.config?.permission;
    if (!needs) throw new Error(`${route.method} ${route.url} says neither public nor which permission it needs`);
    for (const method of [route.method].flat()) {
      access({ method, url: route.url, access: needs });
      const path = new RegExp(`^${route.url.replace(/:[^/]+/g, '[^/]+').replace('*', '.*')}$`);
      if (method !== 'HEAD') routes.push({ method, path });
    }
    const { schema } = route;
    if (schema && !schema.hide && !route.config?.door)
      schema.response = { ...(schema.response as object), '4xx': PROBLEM };
  });

  app.addHook('onRequest', (request, reply, done) => {
    const { origin, host } = request.headers;
    if (!options.hostAllowed(host ?? '')) {
      done(
        new GoblinError('forbidden', 'This server answers only under its own address; call it as http://127.0.0.1.'),
      );
      return;
    }
    if (origin !== undefined && !sameOrigin(origin, host)) {
      if (!options.origins.includes(origin)) {
        done(
          new GoblinError(
            'forbidden',
            `Pages of ${origin.slice(0, 200)} may not call this server; allow them with MCP_ORIGINS.`,
          ),
        );
        return;
      }
      reply.headers({
        'access-control-allow-origin': origin,
        'access-control-allow-headers':
          'authorization, content-type, idempotency-key, last-event-id, x-api-key, anthropic-version, anthropic-beta, anthropic-dangerous-direct-browser-access',
        'access-control-allow-methods': 'GET, POST, PUT, PATCH, DELETE',
        'access-control-expose-headers':
          'retry-after, ratelimit, ratelimit-policy, x-ratelimit-limit-requests, x-ratelimit-remaining-requests, x-ratelimit-reset-requests, x-ratelimit-limit-tokens, x-ratelimit-remaining-tokens, x-ratelimit-reset-tokens, request-id, x-mcp-request-id, x-mcp-provider, x-mcp-model, x-mcp-attempts, x-mcp-cost-usd, x-mcp-cache',
        vary: 'origin',
      });
      if (request.method === 'OPTIONS') {
        reply.code(204).send();
        return;
      }
    }
    if (request.routeOptions.config.public) {
      done(holdsNul(request.url) ?? undefined);
      return;
    }
    try {
      const { token } = request.query as Record<string, unknown>;
      const link = request.routeOptions.config.link && typeof token === 'string' ? token : undefined;
      const found = options.identify(request.headers, link);
      if (found instanceof Promise) {
        found
          .catch((error: unknown) => {
            // Whose key cannot be looked up waits for the record, if the caller waits anyway.
            const away = error instanceof GoblinError && error.code === 'unavailable';
            if (!away || !request.routeOptions.config.door) throw error;
            return options.recordBack().then(() => options.identify(request.headers));
          })
          .then((caller) => permit(request, reply.raw, caller, done), done);
      } else permit(request, reply.raw, found, done);
    } catch (error) {
      done(error as Error);
    }
  });

  // Before a body is read, wherever one is; at a door that is unknown there is nothing to say of it.
  app.addHook('preParsing', (request, _reply, _body, done) => done(request.is404 ? undefined : codingFault(request)));

  function permit(request: FastifyRequest, response: ServerResponse, caller: Caller, done: (error?: Error) => void) {
    const refusal = refusalOf(request, caller) ?? holdsNul(request.url);
    if (refusal) {
      options.refused(caller, refusal, whereOf(request));
      done(refusal);
      return;
    }
    request.caller = caller;
    options.held.hold(request.raw, response, caller);
    done();
  }

  app.setErrorHandler((error, request, reply) => {
    const known = asGoblinError(error);
    if (known.code === 'forbidden' && request.caller) options.refused(request.caller, known, whereOf(request));
    // Closing while the caller still sends would cost it the answer: the rest of the body is read and thrown away.
    if (known.code === 'body_too_large') reply.removeHeader('connection');
    if (known.code === 'internal') {
      options.telemetry.log('error', 'a request failed', {
        url: request.routeOptions.url,
        error: String((error as Error).stack),
      });
    }
    return sendRefusal(options.dialects, known, request, reply);
  });

  app.setNotFoundHandler((request, reply) => {
    const path = request.url.split('?')[0] ?? '';
    const others = routes.filter((route) => route.path.test(path)).map((route) => route.method);
    if (others.length > 0) {
      reply.header('allow', others.join(', '));
      const refused = new GoblinError('method_not_allowed', `Use ${others.join(' or ')} here.`);
      return sendRefusal(options.dialects, refused, request, reply);
    }
    const unknown = new GoblinError('not_found', 'There is nothing at this address; see /docs for those that exist.');
    return sendRefusal(options.dialects, unknown, request, reply);
  });

  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Goblin Model Control Plane',
        version: options.version,
        description: 'One service between every application and every model.',
        license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
      },
      components: {
        securitySchemes: {
          bearer: { type: 'http', scheme: 'bearer' },
          apiKey: { type: 'apiKey', in: 'header', name: 'x-api-key' },
        },
      },
      security: [{ bearer: [] }, { apiKey: [] }],
    },
  });
  return app;
}

/** Bodies are not unpacked: a small one may be large inside, and what is packed cannot be searched for secrets. */
function codingFault({ method, headers }: FastifyRequest): GoblinError | undefined {
  const coding = headers['content-encoding']?.trim();
  if (!coding || coding.toLowerCase() === 'identity' || method === 'GET' || method === 'HEAD') return undefined;
  return new GoblinError(
    'unsupported_media_type',
    'Bodies with a Content-Encoding are not taken; send the body as it is, without that header.',
  );
}

const whereOf = ({ method, routeOptions }: FastifyRequest): string => `${method} ${routeOptions.url ?? ''}`;

function refusalOf(request: FastifyRequest, caller: Caller): GoblinError | null {
  const { permission, link } = request.routeOptions.config;
  if (permission && !caller.permissions.has(permission)) {
    return new GoblinError('forbidden', `You lack the permission ${permission}.`);
  }
  if (caller.only !== undefined) {
    const { id } = request.params as { id?: string };
    if (!link || id !== caller.only) return notFound(id ?? '');
  }
  // A browser sends a cookie whoever wrote the page that asks for it.
  const changes = request.method !== 'GET' && request.method !== 'HEAD';
  if (caller.cookie && (changes || request.headers.upgrade !== undefined) && !isOwnPage(request)) {
    return new GoblinError('forbidden', 'Cookies are for pages of this server only; send a key or a token instead.');
  }
  return null;
}

/** Any other wish to upgrade (HTTP/2 by plain text, a WebSocket where there is none) is ignored, and the call is answered. */
function isStream(request: IncomingMessage): boolean {
  return request.headers.upgrade?.toLowerCase() === 'websocket' && (request.url ?? '').startsWith('/mcp/v1/stream/');
}

function sameOrigin(origin: string, host: string | undefined): boolean {
  return URL.canParse(origin) && new URL(origin).host === host;
}

/** `/openapi.json`, made from the routes, and `/docs`, a readable page of it. */
import Fastify, { type FastifyInstance } from 'fastify';
import { GoblinError } from '../contract/errors.ts';

export function docsRoutes(app: FastifyInstance): void {
  let document: string | null = null;
  app.get('/openapi.json', { config: { public: true }, schema: { hide: true } }, async (_request, reply) => {
    document ??= JSON.stringify(app.swagger());
    return reply.header('content-type', 'application/json').send(document);
  });

  // The page comes with 5 MB of script: 100 ms and 35 MB that only those who read it shall pay.
  let pages: Promise<FastifyInstance> | null = null;
  const show = { config: { public: true }, schema: { hide: true } };
  app.get('/docs', show, (_request, reply) => reply.redirect('/docs/', 301));
  for (const url of ['/docs/', '/docs/*']) {
    app.get(url, show, async (request, reply) => {
      pages ??= openPages();
      const page = await (await pages).inject({ method: 'GET', url: request.url });
      if (page.statusCode >= 400) throw new GoblinError('not_found', 'There is nothing at this address.');
      for (const name of ['content-type', 'location'] as const) {
        const value = page.headers[name];
        if (value !== undefined) reply.header(name, value);
      }
      return reply
        .code(page.statusCode)
        .serializer((body: unknown) => body as string)
        .send(page.rawPayload);
    });
  }
}

async function openPages(): Promise<FastifyInstance> {
  const { default: reference } = await import('@scalar/fastify-api-reference');
  const pages = Fastify();
  // Nothing is loaded from, or told to, any other host.
  await pages.register(reference, {
    routePrefix: '/docs',
    configuration: {
      url: '/openapi.json',
      withDefaultFonts: false,
      telemetry: false,
      pageTitle: 'Goblin Model Control Plane',
    },
  });
  await pages.ready();
  return pages;
}

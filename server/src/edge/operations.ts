/** Alive, ready, and how it goes. */
import type { FastifyInstance } from 'fastify';
import { HealthOut, MetricsOut, ReadyOut } from './schemas.ts';

export interface Readiness {
  status: 'ready' | 'degraded' | 'unavailable';
  missing: string[];
}

export interface OperationsDeps {
  readiness(): Readiness;
  metrics(): Promise<Record<string, unknown>>;
}

export function operationRoutes(app: FastifyInstance, deps: OperationsDeps): void {
  app.get(
    '/healthz',
    { config: { public: true }, schema: { summary: 'Alive', tags: ['Operations'], response: { 200: HealthOut } } },
    async () => ({
      status: 'ok',
    }),
  );

  app.get(
    '/readyz',
    {
      config: { public: true },
      schema: {
        summary: 'Ready to take requests; 503 only if it can serve nothing',
        tags: ['Operations'],
        response: { 200: ReadyOut, 503: ReadyOut },
      },
    },
    async (_request, reply) => {
      const readiness = deps.readiness();
      if (readiness.status === 'unavailable') reply.code(503).header('retry-after', '1');
      return readiness;
    },
  );

  app.get(
    '/mcp/v1/admin/metrics',
    {
      config: { permission: 'operations:read' },
      schema: {
        summary: 'Queue, database, workers, providers, requests of the last minute',
        tags: ['Operations'],
        response: { 200: MetricsOut },
      },
    },
    async () => await deps.metrics(),
  );
}

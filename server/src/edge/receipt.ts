/** `GET /mcp/v1/request/{id}/receipt`: one signed JSON of what was decided, replaced, tried and paid, and that it stands in the trail. */
import type { FastifyInstance } from 'fastify';
import { GoblinError } from '../contract/errors.ts';
import type { Ledger } from '../contract/ports.ts';
import type { AttemptRow } from '../contract/rows.ts';
import { isTerminal } from '../contract/states.ts';
import { dollars } from '../money/cost.ts';
import type { PriceLine } from '../money/lines.ts';
import { notFound, readId } from './query.ts';
import { callerIn, TENANT_ASKED } from './scope.ts';
import { attemptOut, requestOut } from './shapes.ts';
import { withAttempts } from './with-attempts.ts';

export interface ReceiptDeps {
  ledger: Pick<Ledger, 'get' | 'attempts' | 'result'>;
  prove(tenant: string, requestId: string): Promise<{ id: string; type: string; payload: unknown }[]>;
  /** How the cost of an attempt comes about; null when its price is not the one of today, or it was charged by estimate. */
  lines(tenant: string, attempt: AttemptRow): PriceLine[] | null;
  /** Adds the signature of this installation. */
  sign(receipt: Record<string, unknown>): Promise<Record<string, unknown>>;
  now(): number;
}

export function receiptRoute(app: FastifyInstance, deps: ReceiptDeps): void {
  const { ledger } = deps;

  app.get(
    '/mcp/v1/request/:id/receipt',
    {
      config: { permission: 'request:read' },
      schema: {
        summary: 'A signed receipt: decision, redactions, attempts, prices, and the proof of every event',
        description: 'Can be verified offline with `server/scripts/verify-receipt.mjs`. 409 while the request runs.',
        tags: ['Requests'],
        params: { type: 'object', properties: { id: { type: 'string' } }, required: ['id'] },
        querystring: TENANT_ASKED,
      },
    },
    async (request) => {
      const { tenant } = callerIn(request);
      const id = readId(request);
      const found = await withAttempts(ledger, tenant, id);
      if (!found) throw notFound(id);
      const { row, attempts } = found;
      // After an end its runner still has to write what it cost.
      if (!isTerminal(row.state) || attempts.some(({ status }) => status === 'running')) {
        throw new GoblinError('not_finished', 'The request has not ended yet; ask again when it has.', {
          requestId: id,
          retryAfterMs: 1000,
        });
      }
      const [result, events] = await Promise.all([ledger.result(tenant, id), deps.prove(tenant, id)]);
      return await deps.sign({
        v: 2,
        issued_at: new Date(deps.now()).toISOString(),
        tenant,
        request: { ...requestOut(row), content_erased: row.erased },
        decision: row.plan?.policy ?? null,
        plan: row.plan,
        redactions: events.filter(({ type }) => type === 'guard.finding').map(redactionOut),
        attempts: attempts.map(attemptOut),
        prices: attempts.map((attempt) => ({
          attempt: attempt.attempt,
          price_version: attempt.priceVersion,
          usage: attempt.usage?.source ?? null,
          lines: deps.lines(tenant, attempt)?.map(lineOut) ?? null,
          total_usd: dollars(attempt.costPico),
        })),
        result: result && {
          provider: result.provider,
          model: result.model,
          finish_reason: result.finishReason,
          cost_usd: dollars(result.costPico),
          price_version: result.priceVersion,
        },
        events,
      });
    },
  );
}

function redactionOut({ id, payload }: { id: string; payload: unknown }): Record<string, unknown> {
  const { erased, rule, action, place, fingerprint } = payload as Record<string, unknown>;
  return { event: id, ...(erased === true ? { erased } : { rule, action, place, fingerprint }) };
}

const lineOut = ({ item, quantity, rate }: PriceLine) => ({
  item,
  quantity,
  usd_each: dollars(rate),
  usd: dollars(quantity * rate),
});

/** Requests (detached): submit, look, wait, cancel, list. */

import { Type } from '@sinclair/typebox';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Caller } from '../contract/caller.ts';
import { ERRORS, GoblinError } from '../contract/errors.ts';
import type { Cancel, Submit } from '../contract/flow.ts';
import { wireUsage } from '../contract/part.ts';
import type { Bus, Ledger } from '../contract/ports.ts';
import type { RequestRow } from '../contract/rows.ts';
import { isTerminal, STATES, type State } from '../contract/states.ts';
import { checkAddress } from '../guard/secrets/named.ts';
import { isRequestId } from '../ledger/ids.ts';
import { dollars } from '../money/cost.ts';
import { idempotencyKey, parseObject } from './body.ts';
import { cacheOff } from './door-headers.ts';
import { noteRefusal } from './problem.ts';
import { erased, notFound, readId, readNumber, readQuery, wrong } from './query.ts';
import {
  CancelOut,
  EventOut,
  IdempotencyHeaders,
  PageOut,
  ReceiptOut,
  RequestOut,
  ResultOut,
  SubmitBody,
} from './schemas.ts';
import { callerIn, callerOf, TENANT_ASKED } from './scope.ts';
import { attemptOut, iso, linksOf, PRICE_UNKNOWN, requestOut } from './shapes.ts';
import type { Shown } from './shown.ts';
import { decodeSubmission, type SubmitRules } from './submission.ts';
import { createWaits } from './waits.ts';
import { withAttempts } from './with-attempts.ts';

export interface RequestDeps {
  ledger: Ledger;
  bus: Bus;
  submit: Submit;
  cancel: Cancel;
  rules(): SubmitRules;
  /** Leaves a trace when the request is somebody else's; rejects when that cannot be done. */
  shown: Shown;
  /** Whether a call-back may go to a host, by its name alone. */
  privateHost(hostname: string): boolean;
}

const LONGEST_WAIT_S = 60;

/** `close` answers all who wait for a result: the process stops, and another one can be asked. */
export function requestRoutes(app: FastifyInstance, deps: RequestDeps): { close(): Promise<void> } {
  const waits = createWaits(deps);
  const { ledger } = deps;
  const params = { type: 'object', properties: { id: { type: 'string', format: 'uuid' } } };
  const visited = { tags: ['Requests'], params, querystring: TENANT_ASKED };

  app.post(
    '/mcp/v1/request',
    {
      config: { permission: 'request:write' },
      schema: {
        summary: 'Submit a request',
        description:
          'Accepted with 202 after the commit; it runs on, whoever leaves. Send an `Idempotency-Key` to be able to send it again.',
        tags: ['Requests'],
        headers: IdempotencyHeaders,
        body: SubmitBody,
        response: { 202: ReceiptOut },
      },
    },
    async (request, reply) => {
      const caller = request.caller as Caller;
      const body = parseObject(request.body, '{"prompt": "Hello"}');
      const rules = deps.rules();
      const key = idempotencyKey(request.headers['idempotency-key']);
      const submission = decodeSubmission(body, caller, key, rules, Date.now());
      if (
        submission.callbackUrl &&
        !rules.allowPrivateCallbacks &&
        deps.privateHost(new URL(submission.callbackUrl).hostname)
      ) {
        throw new GoblinError(
          'invalid_request',
          'callback_url is a private address; allow such with callbacks.allow_private: true in goblin.yaml.',
          { errors: [{ path: 'callback_url', message: 'must not be a private address' }] },
        );
      }
      if (submission.callbackUrl) checkAddress('callback_url', submission.callbackUrl);
      if (cacheOff(request.headers)) submission.cache = false;
      let receipt: Awaited<ReturnType<Submit>>;
      try {
        receipt = await deps.submit(caller, submission);
      } catch (error) {
        noteRefusal(ledger, caller, error);
        throw error;
      }
      const id = receipt.requestId;
      reply.code(202);
      if (receipt.replayed) reply.header('idempotent-replayed', 'true');
      if (receipt.headers) reply.headers(receipt.headers);
      return {
        request_id: id,
        status: 'queued',
        created_at: iso(receipt.createdAt),
        estimated_cost_usd: dollars(receipt.estimatePico),
        links: linksOf(id),
      };
    },
  );

  app.get(
    '/mcp/v1/request',
    {
      config: { permission: 'request:read' },
      schema: {
        summary: 'List requests, newest first',
        tags: ['Requests'],
        querystring: {
          type: 'object',
          properties: {
            status: { type: 'string', enum: [...STATES] },
            task_type: { type: 'string' },
            after: { type: 'string' },
            limit: { type: 'integer', minimum: 1, maximum: 200 },
          },
        },
        response: { 200: PageOut(RequestOut) },
      },
    },
    async (request) => {
      const query = readQuery(request, ['status', 'task_type', 'after', 'limit']);
      const limit = readNumber(query, 'limit', 1, 200, 50);
      if (query.status !== undefined && !STATES.includes(query.status as State))
        wrong('status', `must be one of ${STATES.join(', ')}`);
      if (query.task_type !== undefined && !/^[a-z][a-z0-9_-]{0,62}$/.test(query.task_type)) {
        wrong('task_type', 'must be the name of a task type, e.g. chat');
      }
      if (query.after !== undefined && !isRequestId(query.after)) wrong('after', 'must be the next of the page before');
      const rows = await ledger.list((request.caller as Caller).tenant, {
        limit: limit + 1,
        ...(query.status ? { status: query.status as State } : {}),
        ...(query.task_type ? { taskType: query.task_type } : {}),
        ...(query.after ? { after: query.after } : {}),
      });
      const page = rows.slice(0, limit);
      return {
        items: page.map((row) => requestOut(row)),
        next: rows.length > limit ? (page.at(-1)?.id ?? null) : null,
      };
    },
  );

  app.get(
    '/mcp/v1/request/:id',
    {
      config: { permission: 'request:read' },
      schema: {
        summary: 'One request with its attempts',
        description: 'Who runs the installation may name another `tenant`.',
        ...visited,
        response: { 200: RequestOut },
      },
    },
    async (request) => {
      const caller = callerIn(request);
      const { tenant } = caller;
      const id = readId(request);
      const [found, body] = await Promise.all([withAttempts(ledger, tenant, id), ledger.body(tenant, id)]);
      if (!found) throw notFound(id);
      const { row, attempts } = found;
      const seen = body?.metadata ? await deps.shown(caller, row, 'metadata') : ledger;
      const metadata = seen === ledger ? body?.metadata : (await seen.body(tenant, row.id))?.metadata;
      return {
        ...requestOut(row),
        metadata: metadata ?? null,
        plan: row.plan,
        attempts: attempts.map(attemptOut),
      };
    },
  );

  app.get(
    '/mcp/v1/request/:id/events',
    {
      config: { permission: 'request:read' },
      schema: { summary: 'The trail of one request', ...visited, response: { 200: PageOut(EventOut) } },
    },
    async (request) => {
      const query = readQuery(request, ['tenant', 'after', 'limit']);
      const { tenant } = callerIn(request, query);
      const row = await find(request, tenant);
      const limit = readNumber(query, 'limit', 1, 500, 100);
      const after = readNumber(query, 'after', 0, Number.MAX_SAFE_INTEGER, 0);
      const events = await ledger.events(tenant, row.id, after, limit + 1);
      const page = events.slice(0, limit);
      return {
        items: page.map((event) => ({ id: event.id, at: iso(event.at), type: event.type, payload: event.payload })),
        next: events.length > limit ? String(page.at(-1)?.id) : null,
      };
    },
  );

  app.get(
    '/mcp/v1/request/:id/result',
    {
      config: { permission: 'request:read' },
      schema: {
        summary: 'The result of a request',
        description:
          '`?wait=30` waits up to that many seconds (60 at most). 202 with `Retry-After` while it is not finished; 409 when it ended without success.',
        tags: ['Requests'],
        params,
        querystring: { type: 'object', properties: { wait: { type: 'integer', minimum: 0, maximum: LONGEST_WAIT_S } } },
        response: { 200: ResultOut, 202: Type.Unknown(), 409: Type.Unknown() },
      },
    },
    async (request, reply) => {
      const caller = request.caller as Caller;
      const query = readQuery(request, ['wait']);
      const wait = readNumber(query, 'wait', 0, LONGEST_WAIT_S, 0);
      let row = await find(request);
      if (!isTerminal(row.state) && wait > 0) {
        await waits.ended((request.caller as Caller).tenant, row.id, wait * 1000, reply.raw);
        row = await find(request);
      }
      if (!isTerminal(row.state)) {
        return reply.code(202).header('retry-after', '1').send({ request_id: row.id, status: row.state });
      }
      if (row.erased) throw erased(row.id);
      const seen = await deps.shown(caller, row, 'result');
      if (row.state !== 'succeeded')
        return reply
          .code(409)
          .headers({ 'x-should-retry': 'false' })
          .send(await endedOut(seen, caller, row));
      const result = await seen.result(caller.tenant, row.id);
      if (!result) throw new GoblinError('gone', 'The result is no longer kept.', { requestId: row.id });
      return {
        request_id: row.id,
        status: row.state,
        text: result.text,
        message: result.message,
        finish_reason: result.finishReason,
        provider: result.provider,
        model: result.model,
        usage: wireUsage(result.usage),
        cost_usd: dollars(result.costPico),
        ...(result.costPico === null ? { cost_reason: PRICE_UNKNOWN } : {}),
        price_version: result.priceVersion,
        latency_ms: result.latencyMs,
      };
    },
  );

  app.post(
    '/mcp/v1/cancel/:id',
    {
      config: { permission: 'request:write' },
      schema: {
        summary: 'Cancel a request',
        description:
          'Terminal at once, and the upstream socket is closed. On a request that has ended it changes nothing and answers its state.',
        tags: ['Requests'],
        params,
        response: { 200: CancelOut },
      },
    },
    async (request) => {
      const id = readId(request);
      const state = await deps.cancel(request.caller as Caller, id);
      if (!state) throw notFound(id);
      return { request_id: id, status: state.state };
    },
  );

  async function find(request: FastifyRequest, tenant = callerOf(request).tenant): Promise<RequestRow> {
    const id = readId(request);
    const row = await ledger.get(tenant, id);
    if (!row) throw notFound(id);
    return row;
  }

  async function endedOut(seen: Ledger, caller: Caller, row: RequestRow): Promise<Record<string, unknown>> {
    const code = row.error?.code ?? (row.state === 'cancelled' ? 'cancelled' : 'internal');
    return {
      type: `urn:goblin:error:${code}`,
      title: ERRORS[code]?.title ?? 'The request did not succeed',
      detail: row.error?.message ?? 'The request did not succeed.',
      request_id: row.id,
      status: row.state,
      code,
      upstream_status: row.error?.upstream_status ?? null,
      partial_text: await seen.partialText(caller.tenant, row.id),
    };
  }

  return { close: waits.close };
}

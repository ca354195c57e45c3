/** `/mcp/v1/raw/{provider}/…`: any other path of a vendor, with our admission, its own key, and a place in the record. */
import { hash } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Caller } from '../contract/caller.ts';
import type { Ledger, Telemetry } from '../contract/ports.ts';
import {
  RAW,
  RAW_METHODS,
  type RawCall,
  type RawHandle,
  type RawListener,
  type RawMethod,
  type RunRaw,
} from '../contract/raw.ts';
import { dollars } from '../money/cost.ts';
import { canonicalHash, idempotencyKey } from './body.ts';
import { readDoorHeaders } from './door-headers.ts';
import { asGoblinError, noteRefusal, toProblem } from './problem.ts';
import { headersToCaller, headersToVendor } from './raw-headers.ts';
import { rawPlaceOf } from './raw-path.ts';

export interface RawDeps {
  ledger: Ledger;
  newId(): string;
  run: RunRaw;
  /** Throws when the call came from us. */
  hop(header: unknown): string | null;
  log: Telemetry['log'];
}

export function rawRoute(app: FastifyInstance, deps: RawDeps): void {
  // In a scope of its own: bodies of any type are taken as bytes.
  app.register(async (scope) => {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body));
    scope.route({
      method: [...RAW_METHODS],
      url: '/mcp/v1/raw/:provider/*',
      exposeHeadRoute: false,
      config: { permission: 'request:write' },
      schema: {
        summary: 'Any other path of a provider, as it is',
        description:
          'Sent on with the key of the provider, below its base URL. Charged with `raw_price_usd` of its entry in goblin.yaml.',
        tags: ['Raw'],
        params: {
          type: 'object',
          properties: { provider: { type: 'string' }, '*': { type: 'string', description: 'Its path.' } },
        },
      },
      handler(request, reply) {
        reply.hijack();
        const res = reply.raw;
        for (const [name, value] of Object.entries(reply.getHeaders()))
          if (value !== undefined) res.setHeader(name, value);
        take(request, res);
      },
    });
  });

  function take(request: FastifyRequest, res: ServerResponse): void {
    const caller = request.caller as Caller;
    const id = deps.newId();
    const fail = (error: unknown): void => {
      const known = asGoblinError(error);
      if (known.code === 'internal') deps.log('error', 'a raw call failed', { error: String((error as Error).stack) });
      writeProblem(res, id, known);
    };
    try {
      const hop = deps.hop(request.headers['x-mcp-hop']);
      const call = callOf(request, caller);
      deps.run(caller, id, call, hop, listenerOf(res, id, call.provider)).then(
        (handle) => attach(res, handle),
        (error: unknown) => {
          noteRefusal(deps.ledger, caller, error);
          fail(error);
        },
      );
    } catch (error) {
      fail(error);
    }
  }
}

function callOf(request: FastifyRequest, caller: Caller): RawCall {
  const { provider, path } = rawPlaceOf(request.raw.url ?? '');
  const { user, labels, deadlineMs } = readDoorHeaders({ ...request.headers, 'x-mcp-task': undefined }, false, [], RAW);
  const method = request.method as RawMethod;
  const headers = headersToVendor(request.headers);
  const body = Buffer.isBuffer(request.body) && request.body.length > 0 ? request.body : null;
  const key = idempotencyKey(request.headers['idempotency-key']);
  return {
    provider,
    method,
    path,
    headers,
    body,
    userId: user ?? caller.user,
    labels,
    deadlineMs,
    idempotency:
      key === null ? null : { key, bodyHash: hashOf([method, provider, path, headers['content-type']], body) },
  };
}

function hashOf(said: unknown, body: Buffer | null): string {
  return canonicalHash([said, body === null ? null : hash('sha256', body)]);
}

function listenerOf(res: ServerResponse, id: string, provider: string): RawListener {
  let begun = false;
  return {
    gone: () => res.destroyed,
    head({ status, headers, costPico }) {
      if (res.destroyed) return;
      res.writeHead(status, {
        ...headersToCaller(headers),
        'x-mcp-request-id': id,
        'x-mcp-provider': provider,
        'x-mcp-attempts': '1',
        'x-mcp-cost-usd': dollars(costPico)
          .toFixed(12)
          .replace(/\.?0+$/, ''),
      });
      // The first event of a stream may be far: whoever waits for it shall know that it comes.
      setImmediate(() => {
        if (!begun && !res.destroyed) res.flushHeaders();
      });
    },
    data(chunk) {
      begun = true;
      return res.destroyed || res.write(chunk);
    },
    end() {
      begun = true;
      res.end();
    },
    fail(error) {
      // What was begun is cut, so that nobody takes it for whole.
      if (res.headersSent) res.destroy();
      else writeProblem(res, id, error);
    },
  };
}

function writeProblem(res: ServerResponse, id: string, error: Parameters<typeof toProblem>[0]): void {
  if (res.destroyed || res.headersSent) return;
  const { status, headers, body } = toProblem(error);
  res.writeHead(status, { ...headers, 'content-length': Buffer.byteLength(body), 'x-mcp-request-id': id });
  res.end(body);
}

/** The connection's own troubles reach the call: gone, or able to take more. */
function attach(res: ServerResponse, handle: RawHandle): void {
  res.on('drain', () => handle.resume());
  res.on('close', () => {
    if (!res.writableFinished) handle.leave();
  });
  if (res.destroyed) handle.leave();
}

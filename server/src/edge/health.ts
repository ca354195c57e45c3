/** What a worker says of itself: alive, ready. It has no other doors. */
import { createServer, type Server } from 'node:http';
import { ERRORS, type ErrorCode } from '../contract/errors.ts';
import type { Readiness } from './operations.ts';

const problem = (status: number, code: string, detail: string) => ({
  type: `urn:goblin:error:${code}`,
  title: ERRORS[code as ErrorCode].title,
  status,
  code,
  detail,
});

export function healthServer(readiness: () => Readiness): Server {
  return createServer((request, response) => {
    const path = request.url?.split('?')[0];
    const known = path === '/healthz' || path === '/readyz';
    const ready = readiness();
    const [status, body] =
      request.method !== 'GET' && request.method !== 'HEAD'
        ? [405, problem(405, 'method_not_allowed', 'Use GET here.')]
        : !known
          ? [404, problem(404, 'not_found', 'A worker answers /healthz and /readyz only; the rest is at the API.')]
          : path === '/healthz'
            ? [200, { status: 'ok' }]
            : [ready.status === 'unavailable' ? 503 : 200, ready];
    request.resume();
    response.writeHead(status, {
      'content-type': known ? 'application/json' : 'application/problem+json',
      ...(status === 503 ? { 'retry-after': '1' } : {}),
      ...(status === 405 ? { allow: 'GET' } : {}),
    });
    response.end(request.method === 'HEAD' ? undefined : JSON.stringify(body));
  });
}
